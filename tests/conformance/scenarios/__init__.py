"""One module per topic; see registry.py."""
