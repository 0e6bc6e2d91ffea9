"""The version of this broker, and what it runs on: read by the build as well as at run time."""

from __future__ import annotations

__version__ = "0.1.0"


def runtime_text() -> str:
    """Version, Python and machine on one line."""
    import os  # late, both: an embedded broker does not ask
    import platform

    python = f"{platform.python_implementation()} {platform.python_version()}"
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    return f"Leveret {__version__} on {python} [{machine}]"
