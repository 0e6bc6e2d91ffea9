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


def test_they_have_the_form_of_rabbitmqs_tool(node: ControlledNode) -> None:
    """Which has types of queues and limits, and not what a cluster knows itself by."""
    assert node.tool("set_vhost_limits", '{"max-queues":7}').code == 0
    assert node.tool("set_global_parameter", "internal_name", '"x"').code == 0
    assert node.tool("set_global_parameter", "own", '"y"').code == 0
    common = {"vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}
    things = {
        "queues": [
            {**common, "name": "c"},
            {**common, "name": "q", "arguments": {"x-queue-type": "quorum"}},
        ],
        "exchanges": [
            {**common, "name": str(is_internal), "type": "fanout", "internal": is_internal}
            for is_internal in (True, False)
        ],
    }
    node.ask("definitions.import_", text=json.dumps(things))
    found = exported(node)
    assert "product_name" not in found
    assert [parameter["name"] for parameter in found["global_parameters"]] == ["own"]
    types = {queue["name"]: queue["type"] for queue in found["queues"]}
    assert types == {"c": "classic", "q": "quorum"}
    internal = {exchange["name"]: exchange.get("internal") for exchange in found["exchanges"]}
    assert internal == {"True": True, "False": None}
    (vhost,) = (vhost for vhost in found["vhosts"] if vhost["name"] == "/")
    assert vhost["limits"] == [["max-queues", 7]]
    assert vhost["metadata"] == {"description": "Default virtual host", "tags": []}
