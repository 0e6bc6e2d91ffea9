"""What the lists show, and what they refuse; the recordings of RabbitMQ's tools have more."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pika
import pytest

from broker.amqp.wire import Field
from broker.cli.commands import lists
from broker.commands import AddVhost, Bind, DeclareExchange, DeclareQueue, DeleteVhost
from broker.node import Node
from tests.support.control import ControlledNode

EVERY = {
    "list_queues": lists.QUEUE,
    "list_unresponsive_queues": lists.UNRESPONSIVE,
    "list_exchanges": lists.EXCHANGE,
    "list_bindings": lists.BINDING,
    "list_connections": lists.CONNECTION,
    "list_channels": lists.CHANNEL,
    "list_consumers": lists.CONSUMER,
}
WHERE = ("-p", "lists")


def _fill(node: Node) -> None:
    node.execute(AddVhost("lists"))
    deep = Field("F", {"a": Field("S", "b")})
    arguments = {
        "x-message-ttl": Field("I", 60000),
        "own": Field("A", [Field("I", 1), Field("S", "two"), deep]),
        "none": Field("V", None),
    }
    node.execute(DeclareQueue("lists", "plain", durable=True))
    node.execute(DeclareQueue("lists", "args", arguments=arguments))
    quorum = {"x-queue-type": Field("S", "quorum")}
    node.execute(DeclareQueue("lists", "quorum", durable=True, arguments=quorum))
    node.execute(DeclareQueue("lists", "tab\there", auto_delete=True))
    node.execute(DeclareQueue("lists", "größe"))
    node.execute(DeclareQueue("lists", "\udcff octets"))
    node.execute(DeclareExchange("lists", "own", "topic", durable=True))
    bound = {"z": Field("I", 3), "a": Field("S", "v")}
    node.execute(Bind("lists", "own", "queue", "plain", "a.#", bound))


@pytest.fixture(scope="module")
def filled(node: ControlledNode) -> Iterator[ControlledNode]:
    node.call(_fill)
    yield node
    node.call(lambda broker: broker.execute(DeleteVhost("lists")))


@pytest.fixture(scope="module")
def client(filled: ControlledNode) -> Iterator[pika.BlockingConnection]:
    filled.tool("set_permissions", *WHERE, "guest", ".*", ".*", ".*")
    parameters = pika.ConnectionParameters("127.0.0.1", filled.port, virtual_host="lists")
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel(7)
    channel.basic_qos(prefetch_count=5)
    channel.queue_declare("mine", exclusive=True)
    channel.basic_consume("mine", print, consumer_tag="tag", exclusive=True)
    channel.basic_publish("", "plain", b"12345")
    channel.queue_declare("plain", passive=True)
    yield connection
    connection.close()


def test_queues_are_in_the_order_of_their_names(filled: ControlledNode) -> None:
    said = filled.tool("list_queues", *WHERE)
    assert (said.code, said.err) == (0, "")
    head = ["Timeout: 60.0 seconds ...", "Listing queues for vhost lists ...", "name\tmessages"]
    lines = said.out.splitlines()
    assert lines[:3] == head
    names = ["args", "größe", "plain", "quorum", "tab\there", "\ufffd octets"]
    assert [line.rpartition("\t")[0] for line in lines[3:] if "mine" not in line] == names


def test_columns_are_in_the_order_in_which_they_are_asked_for(filled: ControlledNode) -> None:
    said = filled.tool("-q", "list_queues", *WHERE, "type,durable", "name", "type")
    assert said.out.splitlines()[0] == "type\tdurable\tname"
    assert "quorum\ttrue\tquorum" in said.out


def test_arguments_are_tables(filled: ControlledNode) -> None:
    shown = '[{"x-message-ttl",60000},{"own",[1,"two",[{"a","b"}]]},{"none",undefined}]'
    assert f"args\t{shown}" in filled.lines("list_queues", *WHERE, "name", "arguments")
    said = filled.tool("list_queues", *WHERE, "arguments", "--formatter", "erlang")
    assert '{<<"own">>,array,' in said.out
    assert '{<<"none">>,void,undefined}' in said.out


@pytest.mark.parametrize("name", EVERY)
def test_every_column_can_be_had(
    filled: ControlledNode, client: pika.BlockingConnection, name: str
) -> None:
    options = ("--queue-timeout", "0") if name == "list_unresponsive_queues" else ()
    where = () if name in ("list_connections", "list_channels") else WHERE
    said = filled.tool(name, *where, *EVERY[name], *options, "--formatter", "json")
    assert (said.code, said.err) == (0, "")
    rows = json.loads(said.out)
    assert rows
    for row in rows:
        assert list(row) == list(EVERY[name])


@pytest.mark.parametrize("name", EVERY)
def test_unknown_columns_are_all_named(filled: ControlledNode, name: str) -> None:
    said = filled.tool(name, "zzz", "nope", EVERY[name][0])
    assert said.code == 64
    text = "Error (argument validation): Info key(s) nope,zzz are not supported\n"
    assert said.err.startswith(text)


@pytest.mark.parametrize("name", ["list_queues", "list_exchanges", "list_bindings"])
def test_a_vhost_that_is_not_there_has_nothing(filled: ControlledNode, name: str) -> None:
    assert filled.lines(name, "-p", "nope") == []
    assert filled.tool(name, "-p", "nope", "--formatter", "json").out == "[\n]\n"


def test_an_exclusive_queue_says_whose_it_is(
    filled: ControlledNode, client: pika.BlockingConnection
) -> None:
    (pid,) = filled.lines("list_connections", "pid")
    (channel_pid,) = filled.lines("list_channels", "pid")
    columns = ("name", "owner_pid", "exclusive", "exclusive_consumer_pid", "consumers")
    expected = f"mine\t{pid}\ttrue\t{channel_pid}\t1"
    assert expected in filled.lines("list_queues", *WHERE, *columns)
    assert channel_pid == pid[:-2] + "7>"


def test_counts_are_of_this_moment(filled: ControlledNode, client: pika.BlockingConnection) -> None:
    columns = ("name", "messages", "messages_unacknowledged")
    assert "plain\t1\t0" in filled.lines("list_queues", *WHERE, *columns)
    assert "plain\t5" in filled.lines("list_queues", *WHERE, "name", "message_bytes")
    channel = client.channel()
    channel.basic_get("plain")
    assert "plain\t1\t1" in filled.lines("list_queues", *WHERE, *columns)
    channel.close()


def test_a_quorum_queue_says_no_more_than_in_rabbitmq(filled: ControlledNode) -> None:
    said = filled.tool("list_queues", *WHERE, *lists.QUEUE, "--formatter", "json")
    (row,) = (row for row in json.loads(said.out) if row["name"] == "quorum")
    assert (row["leader"], row["members"], row["exclusive"]) == ("rabbit@here", ["rabbit@here"], "")
    assert (row["messages_ram"], row["messages_persistent"]) == (0, "")


def test_where_queues_are(filled: ControlledNode) -> None:
    everything = filled.lines("list_queues", *WHERE, "name")
    assert filled.lines("list_queues", *WHERE, "name", "--online") == everything
    assert filled.lines("list_queues", *WHERE, "name", "--local", "--offline") == everything
    assert filled.lines("list_queues", *WHERE, "name", "--offline") == []


def test_bindings_begin_with_those_of_the_default_exchange(filled: ControlledNode) -> None:
    lines = filled.lines("list_bindings", *WHERE)
    assert lines[0] == "\texchange\targs\tqueue\targs\t[]"
    assert lines[-1] == 'own\texchange\tplain\tqueue\ta.#\t[{"a","v"},{"z",3}]'


def test_consumers_keep_rabbitmqs_order_of_columns(
    filled: ControlledNode, client: pika.BlockingConnection
) -> None:
    said = filled.tool("-q", "list_consumers", *WHERE, "consumer_tag", "queue_name")
    assert said.out == "queue_name\tconsumer_tag\nmine\ttag\n"
    said = filled.tool("-q", "list_consumers", *WHERE, "active", "--formatter", "erlang")
    assert said.out == "[[[{active,true}]]]\n"


def test_pids_are_pids(filled: ControlledNode, client: pika.BlockingConnection) -> None:
    said = filled.tool("-q", "list_channels", "connection", "--formatter", "erlang")
    assert said.out.startswith("[[{connection,<rabbit@here.")
    said = filled.tool("list_channels", "connection", "--formatter", "json")
    assert said.out.startswith('[\n{"connection":"#PID<rabbit@here.')


def test_no_time_is_no_time(filled: ControlledNode) -> None:
    text = "Error: operation list_queues on node rabbit@here timed out. Timeout value used: 0\n"
    assert filled.tool("list_queues", "-t", "0") == (75, "", text)


def test_algorithms_need_no_node(filled: ControlledNode) -> None:
    said = filled.tool("list_hashes", "-n", "nowhere")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("Listing supported hash algorithms ...\n[blake2s,")
    said = filled.tool("list_ciphers", "--formatter", "json")
    assert "aes_256_cbc" in json.loads(said.out)["value"]
    assert filled.tool("-q", "list_ciphers", "--formatter", "table").out.startswith(":chacha20\n")
