"""From RabbitMQ to Leveret and back: the commands of docs/migrating.md, run as a reader would.

The old broker is RabbitMQ where Debian's package is installed; elsewhere one of ours in its place,
with definitions that RabbitMQ exported (`python -m tests.conformance.migration` writes them).
"""
