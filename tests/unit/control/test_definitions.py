"""All definitions, out and in."""

from __future__ import annotations

import json

import pytest

from broker.cli.errors import FailedError, ReasonError
from broker.control import definitions
from tests.support.control import ControlledNode


def exported(node: ControlledNode) -> dict[str, list[dict[str, object]]]:
    pieces = node.ask("definitions.export")
    assert isinstance(pieces, list)
    found = json.loads("".join(pieces))
    assert isinstance(found, dict)
    return found


def test_they_come_in_pieces(node: ControlledNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions, "CHUNK", 10)
    vhosts = [{"name": f"v{number}"} for number in range(120)]
    assert node.ask("definitions.import_", text=json.dumps({"vhosts": vhosts})) == 120
    assert {vhost["name"] for vhost in exported(node)["vhosts"]} >= {"v0", "v119"}


def test_what_is_there_already_is_no_problem(node: ControlledNode) -> None:
    before = exported(node)
    node.ask("definitions.import_", text=json.dumps(before))
    assert exported(node) == before


def test_bindings_that_lead_nowhere_are_passed_over(node: ControlledNode) -> None:
    binding = {"source": "no", "vhost": "/", "destination": "q", "destination_type": "queue"}
    text = json.dumps({"bindings": [{**binding, "routing_key": "", "arguments": {}}]})
    node.ask("definitions.import_", text=text)
    assert exported(node)["bindings"] == []


def test_what_cannot_be_taken(node: ControlledNode) -> None:
    for text in ("", "{", "nope", "[]", "5", '"text"', "null"):
        with pytest.raises(FailedError):
            node.ask("definitions.import_", text=text)
    queue = {"name": "q", "vhost": "no", "durable": True}
    with pytest.raises(ReasonError) as caught:
        node.ask("definitions.import_", text=json.dumps({"queues": [queue]}))
    assert caught.value.word == "no_such_vhost"
