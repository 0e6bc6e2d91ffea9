"""What is listed of connections, channels and consumers; and how connections are found by pids."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from broker.amqp.erlang import Atom
from broker.cli.commands.lists import CHANNEL, CONNECTION, CONSUMER
from broker.control import connections
from broker.control.connections import OF_CONNECTION, PID
from broker.control.host import Failure
from broker.control.listing import Pids
from tests.support.asked import asked_of, bare_node


def test_the_tools_ask_for_what_there_is() -> None:
    pids = Pids(asked_of(bare_node()))
    assert set(OF_CONNECTION) == set(CONNECTION)
    assert set(connections._of_channel(pids)) == set(CHANNEL)
    assert tuple(connections._of_consumer(pids)) == CONSUMER


def test_what_is_known_of_tls_is_atoms_and_text() -> None:
    facts: dict[str, Any] = {
        "ssl_protocol": "tlsv1.3",
        "peer_cert_subject": "CN=blue",
        "peer_cert_issuer": None,
    }
    calls: list[str] = []

    def ask() -> dict[str, Any]:
        calls.append("facts")
        return facts

    connection: Any = SimpleNamespace(endpoint=SimpleNamespace(facts=ask))
    seen = connections._Seen(connection, Pids(asked_of(bare_node())))
    assert OF_CONNECTION["ssl_protocol"](seen) == Atom("tlsv1.3")
    assert isinstance(OF_CONNECTION["ssl_protocol"](seen), Atom)
    assert OF_CONNECTION["peer_cert_subject"](seen) == "CN=blue"
    assert OF_CONNECTION["peer_cert_issuer"](seen) == Atom("")
    assert calls == ["facts"]


@pytest.mark.parametrize("pid", ["<a.b.1.2.3>", "#PID<rabbit@host.1.20.300>", "<\n.1.2.3>"])
def test_pids(pid: str) -> None:
    assert PID.match(pid) is not None


@pytest.mark.parametrize("pid", ["<0.1.0>", "x<a.1.2.3>", "<a.1.2.3>\n", f"<a.1.2.{'9' * 99}>"])
def test_no_pids(pid: str) -> None:
    with pytest.raises(Failure) as caught:
        asyncio.run(connections.close_connection(asked_of(bare_node()), pid, "why"))
    assert caught.value.reason == (Atom("invalid_pid_syntax"), pid)


def test_a_node_without_connections() -> None:
    node = bare_node()

    async def ask() -> int:
        asked = asked_of(node)
        rows = [row async for row in connections.list_connections(asked, ["pid"])]
        rows += [row async for row in connections.list_channels(asked, ["pid"])]
        rows += [row async for row in connections.list_consumers(asked, "/")]
        assert rows == []
        count = await connections.close_connections(asked, None, 0, 0, "why")
        return int(count)

    assert asyncio.run(ask()) == 0
