"""The version of this broker, and nothing else: read by the build as well as at run time."""

__version__ = "0.1.0"
