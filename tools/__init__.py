"""What makes the packages. Nothing of it is in them."""
