"""The data directory of a node that may not run, as far as a tool is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

IN_MEMORY = "none"
VARIABLE = "LEVERET_DATA_DIR"


def named(options: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """What was said of it in so many words. `IN_MEMORY`: that there is none; empty: nothing.

    RABBITMQ_MNESIA_DIR is not among them: of what else it has to give way to, the settings know.
    """
    found = options.get("data_dir") or options.get("mnesia_dir")
    return str(found or environment.get(VARIABLE) or "")


def path_of(name: str) -> Path | None:
    """name: as `named` returns it. None: there is no such directory."""
    return Path(name) if name not in ("", IN_MEMORY) else None
