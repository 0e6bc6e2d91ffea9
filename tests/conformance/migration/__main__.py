"""Write what RabbitMQ exports of the estate that is to move: definitions.json over HTTP,
by-tool.json by rabbitmqctl.

python -m tests.conformance.migration
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.conformance.migration import estate
from tests.conformance.migration.reference import Reference

HERE = Path(__file__).parent


def record() -> None:
    with tempfile.TemporaryDirectory() as directory, Reference(Path(directory)) as reference:
        estate.build(reference.api_port)
        estate.add_mover(reference.api_port)
        _write("definitions.json", estate.Api(reference.api_port).ask("GET", "definitions"))
        exported = Path(directory) / "definitions.json"
        reference.run("rabbitmqctl", "export_definitions", str(exported))
        _write("by-tool.json", json.loads(exported.read_text()))


def _write(name: str, definitions: object) -> None:
    text = json.dumps(definitions, indent=1, ensure_ascii=False)
    HERE.joinpath(name).write_text(f"{text}\n")


if __name__ == "__main__":
    record()
