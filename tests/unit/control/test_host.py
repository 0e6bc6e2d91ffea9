"""The process as its tools see it."""

from __future__ import annotations

from broker.amqp.erlang import Atom
from broker.control.host import Failure, Host, Listens, refused
from broker.runtime import Runtime
from tests.support.control import ControlledNode


def test_a_failure_says_how_the_tool_ends() -> None:
    assert (Failure("x").code, Failure("x").kind, Failure("x", 70).code) == (69, "error", 70)
    assert refused("not_found").reason == Atom("not_found")
    assert refused("no_such_user", "a").reason == (Atom("no_such_user"), "a")
    assert refused("not_found").kind == "reason"


def test_the_runtime_is_one(node: ControlledNode) -> None:
    host: Host = node.runtime
    assert isinstance(host, Runtime)
    assert host.name == "rabbit@here"
    assert host.node is not None
    assert host.listening == [Listens("amqp", "127.0.0.1", node.port)]
    assert host.uptime_s >= 0
    assert not host.is_starting
    assert len(host.cookie_hash) == 24
