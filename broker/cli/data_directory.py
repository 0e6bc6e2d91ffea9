"""The data directory of a node that may not run, as far as a tool is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

IN_MEMORY = "none"


def named(options: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """What was said of it. `IN_MEMORY`: that there is none; empty: nothing."""
    found = (
        options.get("data_dir")
        or options.get("mnesia_dir")
        or environment.get("LEVERET_DATA_DIR")
        or environment.get("RABBITMQ_MNESIA_DIR")
    )
    return str(found or "")


def path_of(name: str) -> Path | None:
    """name: as `named` returns it. None: there is no such directory."""
    return Path(name) if name not in ("", IN_MEMORY) else None
