"""Writes docs/configuration.md and config/leveret.yaml from the schema in broker/config.py."""

from __future__ import annotations

from pathlib import Path

from broker.config import reference, sample

ROOT = Path(__file__).parents[1]
WRITTEN = {ROOT / "docs" / "configuration.md": reference, ROOT / "config" / "leveret.yaml": sample}

if __name__ == "__main__":
    for path, text in WRITTEN.items():
        path.write_text(text())
