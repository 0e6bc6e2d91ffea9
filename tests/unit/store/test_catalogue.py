"""The catalogue alone; together with a node, in any order, in tests/property/test_catalogue.py."""

from __future__ import annotations

import logging
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.amqp.wire import Field, Table
from broker.changes import Changes
from broker.commands import (
    AddVhost,
    Bind,
    Command,
    DeclareExchange,
    DeclareQueue,
    DeleteQueue,
    DeleteUser,
    DeleteVhost,
    PutUser,
    SetGlobalParameter,
    SetParameter,
    SetPermissions,
    SetPolicy,
    SetTopicPermissions,
)
from broker.exchanges.direct import DirectExchange
from broker.node import Node
from broker.store import catalogue as module
from broker.store.catalogue import FILE_NAME, FORMAT, Catalogue
from broker.store.errors import StoreDamaged, StoreTooNew, StoreUnavailable
from tests.support.builders import table
from tests.support.durable import durable_definitions

NESTED: Table = {
    "text": Field("S", "grün"),
    "octets": Field("S", b"\xff\x00".decode("utf-8", "surrogateescape")),
    "binary": Field("x", b"\x00\xff"),
    "small": Field("b", -1),
    "large": Field("l", -(1 << 60)),
    "time": Field("T", 1_700_000_000),
    "decimal": Field("D", (2, 314)),
    "double": Field("d", 0.1),
    "flag": Field("t", True),
    "nothing": Field("V", None),
    "table": Field("F", {"list": Field("A", [Field("I", 1), Field("F", {"x": Field("s", 2)})])}),
}
ODD_NAMES = ["", "grün 🐇", b"\xff\xfe".decode("utf-8", "surrogateescape"), "a\0b", "x'--;", "%s?"]


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    catalogue = Catalogue(tmp_path)
    yield catalogue
    catalogue.close()


def keep(catalogue: Catalogue, *commands: Command) -> Node:
    """Have a node on top of what is there carry the commands out, and commit that."""
    node = Node()
    catalogue.restore(node.apply)
    node.last_queue_id = catalogue.last_queue_id
    node.changes.is_recording = True
    for command in commands:
        node.apply(command)
    catalogue.commit(node.changes.take()[0])
    return node


def reopened(catalogue: Catalogue) -> Catalogue:
    """The same after a restart."""
    catalogue.close()
    catalogue._database = catalogue._connect()
    return catalogue


def by_hand(catalogue: Catalogue, statement: str) -> None:
    """Somebody with the sqlite3 command line."""
    with sqlite3.connect(catalogue._path) as database:
        database.execute(statement)
    database.close()


FORMAT_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL);

CREATE TABLE vhosts (
    name BLOB NOT NULL, description BLOB NOT NULL, tags BLOB NOT NULL,
    PRIMARY KEY (name));

CREATE TABLE users (
    name BLOB NOT NULL, password_hash BLOB NOT NULL, hashing_algorithm BLOB NOT NULL,
    tags BLOB NOT NULL,
    PRIMARY KEY (name));

CREATE TABLE permissions (
    username BLOB NOT NULL, vhost BLOB NOT NULL, configure BLOB NOT NULL, write BLOB NOT NULL,
    read BLOB NOT NULL,
    PRIMARY KEY (username, vhost));

CREATE TABLE exchanges (
    vhost BLOB NOT NULL, name BLOB NOT NULL, type BLOB NOT NULL, auto_delete INTEGER NOT NULL,
    internal INTEGER NOT NULL, arguments BLOB NOT NULL,
    PRIMARY KEY (vhost, name));

CREATE TABLE queues (
    vhost BLOB NOT NULL, name BLOB NOT NULL, queue_id INTEGER NOT NULL,
    auto_delete INTEGER NOT NULL, arguments BLOB NOT NULL,
    PRIMARY KEY (vhost, name));

CREATE TABLE bindings (
    vhost BLOB NOT NULL, source BLOB NOT NULL, destination_kind BLOB NOT NULL,
    destination BLOB NOT NULL, routing_key BLOB NOT NULL, canonical_arguments BLOB NOT NULL,
    arguments BLOB NOT NULL,
    PRIMARY KEY (vhost, source, destination_kind, destination, routing_key, canonical_arguments));

CREATE INDEX bindings_by_destination ON bindings (vhost, destination_kind, destination);
INSERT INTO meta VALUES ('format', 1);
INSERT INTO vhosts VALUES (x'76', CAST('text' AS BLOB), CAST('["tag"]' AS BLOB));
INSERT INTO users VALUES (
    x'75', CAST('hash' AS BLOB), CAST('h' AS BLOB), CAST('["management"]' AS BLOB));
INSERT INTO permissions VALUES (x'75', x'76', x'61', x'62', x'63');
"""

EVERYTHING: list[Command] = [
    AddVhost("v", "a description", ("one", "two, three")),
    AddVhost("a", default_queue_type="quorum"),
    PutUser("u", b"\x00salt\xff", "rabbit_password_hashing_sha256", ("management",)),
    PutUser("a", b"", "rabbit_password_hashing_sha512", (), '{"max-channels":3}'),
    SetPermissions("u", "v", "^c", "", ".*"),
    SetPermissions("u", "a", ".*", ".*", ".*"),
    SetTopicPermissions("u", "v", "amq.topic", "^w", "^r"),
    SetPolicy("v", "p", "^q", '{"max-length":5}', 3, "queues"),
    SetPolicy("v", "p", "", '{"max-length":7}', 1.5, "all", "operator_policy"),
    SetParameter("v", "vhost-limits", "limits", '{"max-queues":100}'),
    SetGlobalParameter("cluster_name", '"here"'),
    DeclareExchange("v", "e", "topic", True, True, True, NESTED),
    DeclareExchange("v", "a", "headers", durable=True),
    DeclareQueue("v", "q", True, True, 0, table(x_max_length=5), 1),
    DeclareQueue("v", "a", durable=True, arguments=NESTED, queue_id=2),
    Bind("v", "e", "queue", "q", "k.*", NESTED),
    Bind("v", "e", "queue", "q", "k.*"),
    Bind("v", "amq.fanout", "exchange", "e", ""),
    Bind("v", "a", "exchange", "amq.topic", "k", table(x_match="any", b=1, a=2)),
]


def test_everything_comes_back_as_it_was_made_in_the_order_in_which_it_was(
    catalogue: Catalogue,
) -> None:
    keep(catalogue, *EVERYTHING)
    assert list(reopened(catalogue).load()) == EVERYTHING


def test_the_order_of_arguments_is_kept(catalogue: Catalogue) -> None:
    keep(catalogue, *EVERYTHING)
    bind = list(catalogue.load())[-1]
    assert isinstance(bind, Bind)
    assert list(bind.arguments) == ["x-match", "b", "a"]


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_names_may_be_any_octets(catalogue: Catalogue, name: str) -> None:
    other = f"{name}2"
    commands: list[Command] = [
        AddVhost(name, name, (name,)),
        PutUser(name, b"", "h", (name,)),
        SetPermissions(name, name, "", "", ""),
        SetTopicPermissions(name, name, name, "", ""),
        SetPolicy(name, name, "x", "{}"),
        SetParameter(name, name, name, "1"),
        DeclareExchange(name, other, "direct", durable=True),
        DeclareQueue(name, name, durable=True, queue_id=1),
        Bind(name, other, "queue", name, name, {name: Field("S", name)}),
        Bind(name, other, "exchange", other, name),
    ]
    node = keep(catalogue, *commands)
    assert list(reopened(catalogue).load()) == commands
    node.apply(DeleteQueue(name, name))
    catalogue.commit(node.changes.take()[0])
    assert list(catalogue.load()) == [*commands[:7], commands[9]]
    node.apply(DeleteUser(name))
    node.apply(DeleteVhost(name))
    catalogue.commit(node.changes.take()[0])
    assert list(catalogue.load()) == []


def test_a_table_may_be_nested_as_deeply_as_the_wire_allows(catalogue: Catalogue) -> None:
    field = Field("I", 1)
    for depth in range(199):
        field = Field("F", {"t": field}) if depth % 2 else Field("A", [field])
    command = DeclareQueue("v", "q", durable=True, arguments={"t": field}, queue_id=1)
    keep(catalogue, AddVhost("v"), command)
    assert list(catalogue.load())[1] == command


def test_what_is_put_again_has_its_new_values_and_its_old_place(catalogue: Catalogue) -> None:
    keep(
        catalogue,
        AddVhost("v"),
        PutUser("a", b"1", "h"),
        PutUser("b", b"2", "h"),
        SetPermissions("a", "v", "", "", ""),
    )
    node = keep(catalogue, PutUser("a", b"3", "h", ("t",)), SetPermissions("a", "v", "x", "y", "z"))
    assert list(catalogue.load())[1:] == [
        PutUser("a", b"3", "h", ("t",)),
        PutUser("b", b"2", "h"),
        SetPermissions("a", "v", "x", "y", "z"),
    ]
    assert node.users["a"].permissions["v"].write == "y"


def test_only_a_catalogue_in_which_nothing_was_ever_defined_is_empty(
    catalogue: Catalogue,
) -> None:
    assert catalogue.is_empty
    assert reopened(catalogue).is_empty
    keep(catalogue, PutUser("u", b"", "h"))
    assert not catalogue.is_empty
    keep(catalogue, DeleteUser("u"), AddVhost("v"))
    assert not reopened(catalogue).is_empty


def test_queue_ids_are_never_given_twice(catalogue: Catalogue) -> None:
    node = keep(catalogue, AddVhost("v"), DeclareQueue("v", "q1", True), DeclareQueue("v", "q2"))
    ids = [node.vhosts["v"].queues[name].queue_id for name in ("q1", "q2")]
    assert ids == [1, (1 << 63) + 1]
    assert catalogue.last_queue_id == 1
    # declared and deleted in one transaction
    keep(catalogue, DeleteQueue("v", "q1"), DeclareQueue("v", "q", True), DeleteQueue("v", "q"))
    assert reopened(catalogue).last_queue_id == 2
    node = keep(catalogue, DeclareQueue("v", "q1", True))
    assert node.vhosts["v"].queues["q1"].queue_id == 3
    keep(catalogue, DeleteVhost("v"))
    assert reopened(catalogue).last_queue_id == 3


def test_the_ids_of_queues_can_be_asked_for_before_they_are_made_again(
    catalogue: Catalogue,
) -> None:
    assert catalogue.queue_ids() == set()
    keep(catalogue, *EVERYTHING)
    assert reopened(catalogue).queue_ids() == {1, 2}
    keep(catalogue, DeleteQueue("v", "q"))
    assert catalogue.queue_ids() == {2}


def test_it_is_synced_at_every_commit_and_readable_by_few(catalogue: Catalogue) -> None:
    database = catalogue._database
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    keep(catalogue, AddVhost("v"))
    for path in catalogue._path.parent.iterdir():
        assert not stat.S_IMODE(path.stat().st_mode) & 0o007, path


def test_after_closing_there_is_one_file(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    keep(catalogue, *EVERYTHING)
    catalogue.close()
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


# what no longer fits


class Consistent(DirectExchange):
    type_name = "x-consistent"


@pytest.fixture
def with_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that brings an exchange type is installed."""
    monkeypatch.setattr(
        "broker.vhost.find_type",
        lambda name: Consistent if name == "x-consistent" else DirectExchange,
    )


OF_A_PACKAGE: list[Command] = [
    AddVhost("v"),
    DeclareExchange("v", "e", "x-consistent", durable=True),
    DeclareQueue("v", "q", durable=True, queue_id=1),
    Bind("v", "e", "queue", "q", "1"),
    Bind("v", "amq.fanout", "exchange", "e", "2"),
    Bind("v", "amq.fanout", "queue", "q", "3"),
]


@pytest.mark.usefixtures("with_type")
def test_what_lacks_its_package_is_left_out_and_there_again_with_it(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keep(catalogue, *OF_A_PACKAGE)
    whole = durable_definitions(keep(catalogue))
    with monkeypatch.context() as without:
        without.setattr("broker.vhost.find_type", lambda name: _without(name))
        node = keep(catalogue)
    assert list(node.vhosts["v"].queues) == ["q"]
    assert "e" not in node.vhosts["v"].exchanges
    assert "DeclareExchange(vhost='v', name='e', type='x-consistent'" in caplog.text
    assert caplog.text.count("a definition is left out") == 3
    assert durable_definitions(keep(catalogue)) == whole


def _without(name: str) -> type[DirectExchange] | None:
    return None if name == "x-consistent" else DirectExchange


@pytest.mark.usefixtures("with_type")
def test_another_thing_of_that_name_does_not_get_its_bindings(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(catalogue, *OF_A_PACKAGE)
    with monkeypatch.context() as without:
        without.setattr("broker.vhost.find_type", _without)
        keep(
            catalogue,
            DeleteQueue("v", "q"),
            DeclareExchange("v", "e", "direct", durable=True),
            DeclareQueue("v", "q", durable=True),
        )
    assert [command for command in catalogue.load() if isinstance(command, Bind)] == []


def test_dangling_rows_are_left_out_and_named(
    catalogue: Catalogue, caplog: pytest.LogCaptureFixture
) -> None:
    keep(catalogue, *EVERYTHING)
    by_hand(catalogue, "DELETE FROM vhosts WHERE CAST(name AS TEXT) = 'a'")
    by_hand(catalogue, "DELETE FROM queues WHERE CAST(name AS TEXT) = 'q'")
    by_hand(catalogue, "UPDATE permissions SET configure = CAST('(' AS BLOB)")
    node = Node()
    with caplog.at_level(logging.WARNING):
        catalogue.restore(node.apply)
    definitions = durable_definitions(node)
    assert definitions["permissions"] == {}
    bindings = definitions["bindings"]
    assert isinstance(bindings, dict)
    assert {binding[1] for binding in bindings} == {"amq.fanout", "a"}
    for named in (
        "SetPermissions(username='u', vhost='a'",
        "SetPermissions(username='u', vhost='v'",
        "Bind(vhost='v', source='e', destination_kind='queue', destination='q', routing_key='k.*'",
    ):
        assert named in caplog.text


def test_users_are_named_without_what_is_secret(
    catalogue: Catalogue, caplog: pytest.LogCaptureFixture
) -> None:
    keep(catalogue, PutUser("u", b"secret", "h"))

    def refuse(command: Command) -> None:
        raise ValueError("no")

    catalogue.restore(refuse)
    assert "PutUser(name='u'" in caplog.text
    assert "secret" not in caplog.text


def test_not_every_one_of_many_is_named(
    catalogue: Catalogue, caplog: pytest.LogCaptureFixture
) -> None:
    keep(
        catalogue,
        AddVhost("v"),
        DeclareQueue("v", "q", True),
        *(Bind("v", "amq.topic", "queue", "q", str(number)) for number in range(50)),
    )
    by_hand(catalogue, "DELETE FROM queues")
    catalogue.restore(Node().apply)
    assert caplog.text.count("Bind(") == module.NAMED_MAX
    assert f"and more definitions are left out, count={50 - module.NAMED_MAX}" in caplog.text


def test_leftovers_of_users_and_vhosts_are_not_inherited_either(catalogue: Catalogue) -> None:
    keep(catalogue, *EVERYTHING)
    by_hand(catalogue, "DELETE FROM users")
    by_hand(catalogue, "DELETE FROM vhosts WHERE CAST(name AS TEXT) = 'v'")
    keep(catalogue, PutUser("u", b"", "h"), AddVhost("v"))
    assert list(catalogue.load()) == [
        AddVhost("a", default_queue_type="quorum"),
        AddVhost("v"),
        PutUser("u", b"", "h"),
        SetGlobalParameter("cluster_name", '"here"'),
    ]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE queues SET arguments = x'00000005'",
        "UPDATE queues SET arguments = x'0000000000'",
        "UPDATE queues SET name = 'text'",
        "UPDATE queues SET queue_id = 'one'",
        "UPDATE queues SET arguments = 7",
    ],
)
def test_rows_that_cannot_be_read_are_left_out_and_named(
    catalogue: Catalogue, caplog: pytest.LogCaptureFixture, change: str
) -> None:
    keep(catalogue, *EVERYTHING)
    by_hand(catalogue, f"{change} WHERE CAST(name AS TEXT) = 'q'")
    assert len(list(catalogue.load())) == len(EVERYTHING) - 1
    assert "unreadable in queues" in caplog.text
    assert "(b'v', " in caplog.text


# faults


def test_a_commit_that_fails_changes_nothing_and_can_be_repeated(catalogue: Catalogue) -> None:
    keep(catalogue, AddVhost("v"))
    node = Node()
    catalogue.restore(node.apply)
    node.changes.is_recording = True
    for number in range(200):
        node.apply(DeclareQueue("v", f"q{number}", durable=True, arguments=table(x="y" * 200)))
    changes, _ = node.changes.take()
    database = catalogue._database
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages + 2}")
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=r"full .*SQLITE_FULL"):
            catalogue.commit(changes)
        assert list(catalogue.load()) == [AddVhost("v")]
        assert catalogue.last_queue_id == 0
    database.execute("PRAGMA max_page_count = 100000")
    catalogue.commit(changes)
    assert len(list(catalogue.load())) == 201
    assert catalogue.last_queue_id == 200


def test_a_commit_of_which_nobody_knows_whether_it_succeeded_can_be_repeated(
    catalogue: Catalogue,
) -> None:
    node = Node()
    node.changes.is_recording = True
    for command in (*EVERYTHING, DeleteQueue("v", "q"), DeclareQueue("v", "q", True)):
        node.apply(command)
    changes, _ = node.changes.take()
    catalogue.commit(changes)
    once = list(catalogue.load())
    catalogue.commit(changes)
    restored = Node()
    catalogue.restore(restored.apply)
    assert durable_definitions(restored) == durable_definitions(node)
    assert sorted(map(repr, catalogue.load())) == sorted(map(repr, once))


def test_somebody_who_holds_the_database_makes_it_unavailable_for_now(
    catalogue: Catalogue,
) -> None:
    catalogue._database.execute("PRAGMA busy_timeout = 0")
    node = Node()
    node.changes.is_recording = True
    node.apply(AddVhost("v"))
    changes, _ = node.changes.take()
    other = sqlite3.connect(catalogue._path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match=r"locked .*SQLITE_BUSY"):
        catalogue.commit(changes)
    other.execute("ROLLBACK")
    other.close()
    catalogue.commit(changes)
    assert list(catalogue.load()) == [AddVhost("v")]


def test_an_error_that_is_none_of_sqlite_leaves_no_transaction_open(catalogue: Catalogue) -> None:
    changes = Changes(is_recording=True)
    changes.put("vhost", ("v",), ("", (), ""))
    recorded, _ = changes.take()
    with pytest.raises(ValueError, match="unpack"):
        catalogue.commit([*recorded, ()])  # type: ignore[list-item]
    assert list(catalogue.load()) == []
    catalogue.commit(recorded)
    assert list(catalogue.load()) == [AddVhost("v")]


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="nowhere"):
        Catalogue(tmp_path / "nowhere")


def test_an_older_format_is_brought_to_the_present_one(tmp_path: Path) -> None:
    """What a first release wrote is all there, and can be added to."""
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.executescript(FORMAT_1)
    database.close()
    Catalogue(tmp_path, read_only=True).close()
    catalogue = Catalogue(tmp_path)
    old = [
        AddVhost("v", "text", ("tag",)),
        PutUser("u", b"hash", "h", ("management",)),
        SetPermissions("u", "v", "a", "b", "c"),
    ]
    assert list(catalogue.load()) == old
    policy = SetPolicy("v", "p", "^q", '{"max-length":5}')
    keep(catalogue, *old, policy)
    catalogue.close()
    assert list(Catalogue(tmp_path).load()) == [*old, policy]


def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    keep(catalogue, AddVhost("v"))
    catalogue._database.execute("UPDATE meta SET value = ? WHERE key = 'format'", (FORMAT + 1,))
    catalogue.close()
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(StoreTooNew, match=f"format {FORMAT + 1}, this one knows {FORMAT}"):
        Catalogue(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == before


@pytest.mark.parametrize("schema", ["CREATE TABLE t (a)", "CREATE TABLE meta (key, value)"])
def test_another_database_is_refused_and_left_alone(tmp_path: Path, schema: str) -> None:
    database = sqlite3.connect(tmp_path / FILE_NAME)
    database.execute(schema)
    database.close()
    with pytest.raises(StoreDamaged, match="not a catalogue"):
        Catalogue(tmp_path)


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"rubbish" * 1000)
    with pytest.raises(StoreDamaged, match=r"the catalogue is damaged, .*backup.*recover"):
        Catalogue(tmp_path)


def test_damage_is_found_when_it_is_read(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    keep(
        catalogue,
        AddVhost("v"),
        *(DeclareQueue("v", f"q{number}", True, arguments=NESTED) for number in range(500)),
    )
    catalogue.close()
    path = tmp_path / FILE_NAME
    octets = bytearray(path.read_bytes())
    octets[4096 * 8 :] = b"\xa5" * (len(octets) - 4096 * 8)
    path.write_bytes(octets)
    catalogue = Catalogue(tmp_path)
    with pytest.raises(StoreDamaged, match="the catalogue is damaged"):
        list(catalogue.load())
    catalogue.close()
