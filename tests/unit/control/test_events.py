"""Events for who listens, published or not."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from broker.control.events import as_pairs
from broker.hooks.events import Resource
from tests.support.control import ControlledNode

DIAGNOSTICS = "rabbitmq-diagnostics"


@pytest.mark.parametrize("has_exchange", [False, True])
def test_what_happens_is_told(node: ControlledNode, has_exchange: bool) -> None:
    broker = node.runtime.broker
    assert broker is not None
    assert broker.node is not None
    own = broker.node
    if has_exchange:
        own.tell_events()
    with ThreadPoolExecutor(1) as pool:
        listening = pool.submit(
            node.tool,
            *("consume_event_stream", "-d", "1", "--pattern", r"^vhost\.|permission"),
            tool=DIAGNOSTICS,
        )
        while own.events is None or not own.events.listeners:
            assert not listening.done(), listening.result()
        name = f"v{has_exchange}"
        assert node.tool("add_vhost", name).code == 0
        assert node.tool("add_user", name, "x").code == 0  # nobody has asked for those
        said = listening.result()
    assert (said.code, said.err) == (0, "")
    first, *_ = lines = said.out.splitlines()
    event = json.loads(first)
    assert (event["event"], event["name"]) == ("vhost.created", name)
    assert list(event)[-1] == "timestamp_in_ms"
    assert not any('"user.created"' in line for line in lines)
    assert (own.events is None) is not has_exchange


def test_an_odd_pattern_is_refused(node: ControlledNode) -> None:
    said = node.tool("consume_event_stream", "--pattern", "(", tool=DIAGNOSTICS)
    assert said.code == 69
    assert said.err.startswith('Error:\n{:invalid_regexp, "("')


@pytest.mark.parametrize("pattern", ["(a+)+$", ".*.*.*.*.*x", "a" * 2000])
def test_a_pattern_that_would_hold_up_the_node_is_refused(
    node: ControlledNode, pattern: str
) -> None:
    flags = ("--pattern", pattern, "--duration", "1")
    said = node.tool("consume_event_stream", *flags, tool=DIAGNOSTICS)
    assert said.code == 69
    assert said.err.startswith(f'Error:\n{{:invalid_regexp, "{pattern}"')


def test_facts_have_the_shape_of_rabbitmqs() -> None:
    facts = [
        ("timestamp_in_ms", 5),
        ("name", Resource("q", "/")),
        ("arguments", {"x": True}),
        ("owner", None),
        ("ids", [1, "a"]),
    ]
    assert [(str(name), value) for name, value in as_pairs("queue.created", facts)] == [
        ("event", "queue.created"),
        ("ids", [1, "a"]),
        ("owner", "undefined"),
        ("arguments", [("x", True)]),
        ("name", "q"),
        ("vhost", "/"),
        ("timestamp_in_ms", 5),
    ]
