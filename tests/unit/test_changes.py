"""What is put down for a restart; that it is complete is in tests/property/test_catalogue.py."""

from __future__ import annotations

import struct

import pytest

from broker.amqp.wire import Field, encode_table
from broker.changes import Change, Changes
from broker.commands import (
    AddVhost,
    Bind,
    ClearPermissions,
    Command,
    DeclareExchange,
    DeclareQueue,
    DeleteExchange,
    DeleteQueue,
    DeleteUser,
    DeleteVhost,
    PutUser,
    SetPermissions,
    SetPolicy,
    Unbind,
)
from broker.node import Node
from tests.support.builders import table

EMPTY = encode_table({})


@pytest.fixture
def node() -> Node:
    """One that has its defaults and records from there on."""
    node = Node()
    node.make_defaults()
    node.changes.is_recording = True
    node.changes.take()
    return node


def changed(node: Node, *commands: Command) -> list[Change]:
    """What is put down for the commands."""
    for command in commands:
        node.apply(command)
    recorded, has_changed = node.changes.take()
    assert has_changed or not recorded
    return recorded


def gone(node: Node, *commands: Command) -> set[tuple[object, ...]]:
    """Kind and key of everything that the commands remove, and they must do nothing else."""
    changes = changed(node, *commands)
    assert all(change.values is None for change in changes)
    assert len(changes) == len(set(changes)), "twice"
    return {(change.kind, *change.key) for change in changes}


def test_changes_are_taken_once_and_in_order() -> None:
    changes = Changes(is_recording=True)
    changes.put("vhost", ("v",), ("text", ("tag",)))
    changes.drop("vhost", ("v",))
    assert changes.take() == (
        [
            Change("vhost", (b"v",), (b"text", b'["tag"]')),
            Change("vhost", (b"v",), None),
        ],
        True,
    )
    assert changes.take() == ([], False)


def test_what_ends_with_the_process_is_noticed_but_not_kept() -> None:
    changes = Changes(is_recording=True)
    changes.skip()
    assert changes.take() == ([], True)
    assert changes.take() == ([], False)


def test_nothing_is_kept_where_nobody_wants_it() -> None:
    changes = Changes()
    changes.put("queue", ("v", "q"), (1, False, {}))
    changes.drop("queue", ("v", "q"))
    assert changes.take() == ([], False)


def test_texts_that_are_not_utf_8_are_the_octets_they_were() -> None:
    changes = Changes(is_recording=True)
    changes.put("vhost", (b"\xff".decode("utf-8", "surrogateescape"),), ("ä", ()))
    ((_, key, values),), _ = changes.take()
    assert (key, values) == ((b"\xff",), ("ä".encode(), b"[]"))


@pytest.mark.parametrize(
    "command",
    [
        DeclareQueue("/", "q", durable=True, arguments={"x": Field("I", 1 << 40)}),
        DeclareQueue("/", "q\ud800", durable=True),
        DeclareExchange("/", "q", "direct", durable=True, arguments={"x" * 300: Field("t", True)}),
        AddVhost("q\ud800"),
        PutUser("q", b"", "\ud800"),
        SetPermissions("guest", "/", "\ud800", "", ""),
    ],
)
def test_what_cannot_be_written_down_is_refused_before_it_is_done(
    node: Node, command: Command
) -> None:
    before = node.version.number
    with pytest.raises((ValueError, struct.error)):
        node.apply(command)
    assert node.changes.take() == ([], False)
    assert node.version.number == before
    vhost = node.vhosts["/"]
    assert not {"q", "q\ud800"} & {*vhost.queues, *vhost.exchanges, *node.vhosts, *node.users}
    assert node.users["guest"].permissions["/"].configure == ".*"


def test_durable_things_are_put_down_with_all_that_makes_them(node: Node) -> None:
    arguments = table(n=1)
    wire = encode_table(arguments)
    assert changed(
        node,
        AddVhost("v", "text", ("a", "b")),
        PutUser("u", b"\x00\x01", "algorithm", ("management",)),
        SetPermissions("u", "v", "c", "w", "r"),
        DeclareExchange("v", "e", "topic", True, True, True, arguments),
        DeclareQueue("v", "q", durable=True, auto_delete=True, arguments=arguments),
        Bind("v", "e", "queue", "q", "k", arguments),
        Bind("v", "e", "exchange", "amq.fanout", ""),
    ) == [
        Change("vhost", (b"v",), (b"text", b'["a", "b"]', b"")),
        Change("user", (b"u",), (b"\x00\x01", b"algorithm", b'["management"]', b"")),
        Change("permissions", (b"u", b"v"), (b"c", b"w", b"r")),
        Change("exchange", (b"v", b"e"), (b"topic", True, True, wire)),
        Change("queue", (b"v", b"q"), (1, True, wire)),
        Change("binding", (b"v", b"e", b"queue", b"q", b"k", wire), (wire,)),
        Change("binding", (b"v", b"e", b"exchange", b"amq.fanout", b"", b""), (EMPTY,)),
    ]


def test_what_is_there_already_is_no_change(node: Node) -> None:
    commands = (
        AddVhost("v"),
        DeclareExchange("v", "e", "direct", durable=True),
        DeclareQueue("v", "q", durable=True),
        DeclareQueue("v", "transient"),
        Bind("v", "e", "queue", "q", "k"),
    )
    for command in commands:
        node.apply(command)
    node.changes.take()
    for command in commands:
        node.apply(command)
        assert node.changes.take() == ([], False), command


def test_what_is_not_there_is_not_removed(node: Node) -> None:
    for command in (
        DeleteQueue("/", "nope"),
        DeleteExchange("/", "nope"),
        Unbind("/", "amq.direct", "queue", "nope", ""),
        DeleteUser("nope"),
        ClearPermissions("guest", "nope"),
    ):
        node.apply(command)
        assert node.changes.take() == ([], False), command


@pytest.mark.parametrize(
    "command",
    [
        DeclareQueue("/", "q"),
        DeclareQueue("/", "q", owner=7),
        DeclareExchange("/", "e", "direct"),
        Bind("/", "amq.direct", "queue", "transient", "new"),
        Bind("/", "passing", "queue", "durable", "new"),
        Unbind("/", "amq.direct", "queue", "transient", "k"),
        DeleteQueue("/", "transient"),
        DeleteExchange("/", "passing"),
    ],
)
def test_what_is_not_durable_is_only_noticed(node: Node, command: Command) -> None:
    for before in (
        DeclareQueue("/", "transient"),
        DeclareQueue("/", "durable", durable=True),
        DeclareExchange("/", "passing", "direct"),
        Bind("/", "amq.direct", "queue", "transient", "k"),
        Bind("/", "passing", "queue", "durable", "k"),
    ):
        node.apply(before)
    node.changes.take()
    node.apply(command)
    assert node.changes.take() == ([], True)


def test_a_binding_is_durable_when_both_its_ends_are(node: Node) -> None:
    for durable in (True, False):
        node.apply(DeclareQueue("/", f"queue-{durable}", durable=durable))
        node.apply(DeclareExchange("/", f"exchange-{durable}", "fanout", durable=durable))
    node.changes.take()
    for source in ("exchange-True", "exchange-False", "amq.direct"):
        for kind in ("queue", "exchange"):
            for durable in (True, False):
                recorded = changed(node, Bind("/", source, kind, f"{kind}-{durable}", "k"))
                assert bool(recorded) == (durable and source != "exchange-False")


def test_bindings_go_with_either_end(node: Node) -> None:
    for command in (
        DeclareQueue("/", "q", durable=True),
        DeclareExchange("/", "e", "fanout", durable=True),
        Bind("/", "e", "queue", "q", "1"),
        Bind("/", "amq.topic", "queue", "q", "2"),
        Bind("/", "amq.topic", "exchange", "e", "3"),
        Bind("/", "e", "exchange", "e", "4"),
    ):
        node.apply(command)
    node.changes.take()
    assert gone(node, DeleteExchange("/", "e")) == {
        ("exchange", b"/", b"e"),
        ("binding", b"/", b"e", b"queue", b"q", b"1", b""),
        ("binding", b"/", b"amq.topic", b"exchange", b"e", b"3", b""),
        ("binding", b"/", b"e", b"exchange", b"e", b"4", b""),
    }
    assert gone(node, DeleteQueue("/", "q")) == {
        ("queue", b"/", b"q"),
        ("binding", b"/", b"amq.topic", b"queue", b"q", b"2", b""),
    }


def test_auto_delete_exchanges_go_with_what_they_led_to(node: Node) -> None:
    for command in (
        DeclareQueue("/", "q"),  # not durable: only the exchanges are told of
        DeclareExchange("/", "e1", "fanout", durable=True, auto_delete=True),
        DeclareExchange("/", "e2", "fanout", durable=True, auto_delete=True),
        DeclareExchange("/", "passing", "fanout", auto_delete=True),
        Bind("/", "passing", "queue", "q", ""),
        Bind("/", "e2", "queue", "q", ""),
        Bind("/", "e1", "exchange", "e2", ""),
    ):
        node.apply(command)
    node.changes.take()
    assert gone(node, DeleteQueue("/", "q")) == {
        ("exchange", b"/", b"e2"),
        ("exchange", b"/", b"e1"),
        ("binding", b"/", b"e1", b"exchange", b"e2", b"", b""),
    }


def test_unbinding_may_take_an_exchange_along(node: Node) -> None:
    for command in (
        DeclareQueue("/", "q", durable=True),
        DeclareExchange("/", "e", "fanout", durable=True, auto_delete=True),
        Bind("/", "e", "queue", "q", ""),
    ):
        node.apply(command)
    node.changes.take()
    assert gone(node, Unbind("/", "e", "queue", "q", "")) == {
        ("binding", b"/", b"e", b"queue", b"q", b"", b""),
        ("exchange", b"/", b"e"),
    }


def test_permissions_go_with_their_user(node: Node) -> None:
    node.apply(AddVhost("v"))
    node.apply(SetPermissions("guest", "v", "", "", ""))
    node.changes.take()
    assert gone(node, ClearPermissions("guest", "v")) == {("permissions", b"guest", b"v")}
    assert gone(node, DeleteUser("guest")) == {
        ("permissions", b"guest", b"/"),
        ("user", b"guest"),
    }


def test_everything_in_it_goes_with_a_vhost(node: Node) -> None:
    for command in (
        AddVhost("v"),
        SetPermissions("guest", "v", "", "", ""),
        DeclareQueue("v", "q", durable=True),
        DeclareQueue("v", "passing"),
        DeclareExchange("v", "e", "fanout", durable=True),
        Bind("v", "amq.topic", "queue", "q", "1"),
        Bind("v", "amq.topic", "exchange", "amq.fanout", "2"),
        Bind("v", "e", "exchange", "amq.fanout", "3"),
        Bind("v", "amq.topic", "queue", "passing", "4"),
    ):
        node.apply(command)
    node.changes.take()
    assert gone(node, DeleteVhost("v")) == {
        ("permissions", b"guest", b"v"),
        ("queue", b"v", b"q"),
        ("exchange", b"v", b"e"),
        ("binding", b"v", b"amq.topic", b"queue", b"q", b"1", b""),
        ("binding", b"v", b"amq.topic", b"exchange", b"amq.fanout", b"2", b""),
        ("binding", b"v", b"e", b"exchange", b"amq.fanout", b"3", b""),
        ("vhost", b"v"),
    }


def test_a_watch_hears_of_everything_before_it_is_carried_out(node: Node) -> None:
    heard: list[tuple[str, tuple[object, ...], bool]] = []

    def watch(kind: str, key: tuple[object, ...], is_there: bool) -> None:
        if kind == "queue":
            assert (key[1] in node.vhosts["/"].queues) is not is_there
        heard.append((kind, key, is_there))

    node.changes.watch = watch
    for command in (
        DeclareQueue("/", "passing"),
        DeclareQueue("/", "durable", durable=True),
        Bind("/", "amq.topic", "queue", "passing", "k"),
        SetPolicy("/", "p", "^passing$", '{"max-length": 5}'),
        DeleteQueue("/", "passing"),
    ):
        node.apply(command)
    binding = ("/", "amq.topic", "queue", "passing", "k", b"")
    assert heard == [
        ("queue", ("/", "passing"), True),
        ("queue", ("/", "durable"), True),
        ("binding", binding, True),
        ("policy", ("/", "policy", "p"), True),
        ("queue_policy", ("/", "passing"), True),
        ("queue", ("/", "passing"), False),
        ("binding", binding, False),
    ]


def test_a_watch_is_told_whether_anybody_records_or_not() -> None:
    heard = []
    for is_recording in (False, True):
        changes = Changes(is_recording=is_recording)
        changes.watch = lambda kind, key, is_there: heard.append((kind, is_there))
        changes.put("vhost", ("v",), ())
        changes.drop("vhost", ("v",))
        changes.skip("queue", ("v", "q"))
        changes.skip()
    assert heard == [("vhost", True), ("vhost", False), ("queue", False)] * 2
