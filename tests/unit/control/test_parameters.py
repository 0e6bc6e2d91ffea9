"""Parameters, policies and limits as rows; their values are JSON."""

from __future__ import annotations

import asyncio

import pytest

from broker.amqp.erlang import Atom
from broker.cli.errors import FailedError, ReasonError
from broker.control import parameters, vhosts
from tests.support.asked import asked_of, bare_node
from tests.support.control import ControlledNode

POLICY = {"kind": "policy", "vhost": "/", "name": "p", "pattern": "^", "apply_to": "all"}


def test_policies(node: ControlledNode) -> None:
    definition = '{"max-length":1,"expires":2}'
    node.ask("parameters.set_policy", definition=definition, priority=3, **POLICY)
    rows = node.ask("parameters.list_policies", kind="policy", vhost="/")
    assert rows == [
        [
            *(("vhost", "/"), ("name", "p"), ("pattern", "^"), ("apply-to", "all")),
            *(("definition", '{"expires":2,"max-length":1}'), ("priority", 3)),
        ]
    ]
    node.ask("parameters.clear_policy", kind="policy", vhost="/", name="p")
    with pytest.raises(FailedError, match="Parameter does not exist"):
        node.ask("parameters.clear_policy", kind="policy", vhost="/", name="p")


@pytest.mark.parametrize("definition", ["", "{", "[" * 100_000, "nope"])
def test_what_is_no_json(node: ControlledNode, definition: str) -> None:
    with pytest.raises(FailedError, match=r"JSON decoding error. Reason: badarg"):
        node.ask("parameters.set_policy", definition=definition, priority=0, **POLICY)


def test_values_are_looked_at_before_the_vhost(node: ControlledNode) -> None:
    given = {**POLICY, "vhost": "no"}
    with pytest.raises(FailedError, match="no policy provided"):
        node.ask("parameters.set_policy", definition="{}", priority=0, **given)
    with pytest.raises(ReasonError, match="no_such_vhost"):
        node.ask("parameters.set_policy", definition='{"expires":1}', priority=0, **given)


def test_global_ones_have_atoms_for_names(node: ControlledNode) -> None:
    node.ask("parameters.set_global_parameter", name="x", value="[1]")
    rows = node.ask("parameters.list_global_parameters")
    assert isinstance(rows, list)
    assert rows[-1] == [("name", Atom("x")), ("value", "[1]")]
    assert isinstance(rows[-1][0][1], Atom)
    node.ask("parameters.clear_global_parameter", name="x")


def test_limits(node: ControlledNode) -> None:
    assert node.ask("parameters.get_vhost_limits", vhost="/") is None
    node.ask("parameters.set_vhost_limits", vhost="/", definition="{}")
    assert node.ask("parameters.get_vhost_limits", vhost="/") is None
    assert node.ask("parameters.list_vhost_limits") == [[("vhost", "/"), ("limits", "{}")]]
    with pytest.raises(FailedError, match="limits should be a JSON object"):
        node.ask("parameters.set_vhost_limits", vhost="/", definition="[]")
    node.ask("parameters.set_user_limits", name="guest", definition='{"max-channels":1}')
    assert node.ask("parameters.get_user_limits", name="guest") == '{"max-channels":1}'
    node.ask("parameters.clear_user_limits", name="guest", limit="bogus")
    node.ask("parameters.clear_user_limits", name="guest", limit="all")
    assert node.ask("parameters.list_user_limits") is None


def test_limits_of_a_vhost_that_goes_meanwhile() -> None:
    async def run() -> list[object]:
        asked = asked_of(bare_node())
        for name in ("a", "b"):
            await vhosts.add_vhost(asked, name, "", "", None)
            await parameters.set_vhost_limits(asked, name, '{"max-queues":1}')
        rows = parameters.list_vhost_limits(asked)
        first = await anext(rows)
        await vhosts.delete_vhost(asked, "b")
        return [first, *[row async for row in rows]]

    assert asyncio.run(run()) == [[("vhost", "a"), ("limits", '{"max-queues":1}')]]
