"""The table of optional parts, what becomes of a set of them, and the file that keeps it."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker import plugins
from broker.plugins import (
    FILE_NAME,
    ONLY_IMPLICIT,
    PLUGINS,
    PluginsError,
    UnknownPluginsError,
    dependants,
    disabling,
    enabling,
    in_data_directory,
    in_order,
    only,
    read,
    setting,
    with_dependencies,
    write,
)

NAMES = st.frozensets(st.sampled_from(sorted(PLUGINS)))
MANAGEMENT = {"rabbitmq_management", *ONLY_IMPLICIT}


def test_the_table_names_what_there_is() -> None:
    assert {one for plugin in PLUGINS.values() for one in plugin.dependencies} <= PLUGINS.keys()
    assert all(name == plugin.name for name, plugin in PLUGINS.items())
    assert PLUGINS.keys() >= ONLY_IMPLICIT


def test_dependencies_come_along_and_strangers_do_not() -> None:
    assert with_dependencies(["rabbitmq_management", "rabbitmq_shovel"]) == MANAGEMENT
    assert dependants("rabbitmq_web_dispatch") == {
        *("rabbitmq_web_dispatch", "rabbitmq_management", "rabbitmq_prometheus"),
    }
    assert dependants("rabbitmq_shovel") == frozenset()


def test_what_is_needed_comes_first() -> None:
    names = dependants("rabbitmq_web_dispatch") | dependants("rabbitmq_management_agent")
    assert in_order(names) == [
        *("rabbitmq_management_agent", "rabbitmq_web_dispatch"),
        *("rabbitmq_management", "rabbitmq_prometheus"),
    ]


def test_a_full_disk_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / FILE_NAME
    write(path, ["rabbitmq_management"])

    def full(path: Path, text: str) -> None:
        path.write_text("")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(plugins, "_write_down", full)
    with pytest.raises(PluginsError, match="No space left"):
        write(path, ["rabbitmq_prometheus"])
    assert read(path) == {"rabbitmq_management"}
    assert list(tmp_path.iterdir()) == [path]


@given(NAMES, NAMES)
def test_what_was_enabled_is_on_and_what_was_disabled_is_not(
    explicit: frozenset[str], names: frozenset[str]
) -> None:
    more = enabling(explicit, names)
    assert with_dependencies(more) == with_dependencies(explicit | names)
    assert explicit <= more
    left = disabling(explicit, names)
    assert left <= explicit
    assert not with_dependencies(left) & names
    assert enabling(more, names) == more
    assert disabling(left, names) == left


def test_what_others_bring_stays_implicit() -> None:
    before = frozenset({"rabbitmq_management"})
    assert enabling(before, ["rabbitmq_management_agent"]) == before
    assert enabling(frozenset(), ["rabbitmq_management_agent"]) == {"rabbitmq_management_agent"}


def test_names_of_nothing() -> None:
    explicit = frozenset({"rabbitmq_management", "rabbitmq_shovel"})
    with pytest.raises(UnknownPluginsError) as caught:
        enabling(explicit, ["other", "bogus", "rabbitmq_management"])
    assert caught.value.names == ["bogus", "other"]
    assert str(caught.value) == "The following plugins were not found: bogus, other"
    with pytest.raises(UnknownPluginsError):
        only(["bogus"])
    assert disabling(explicit, ["bogus"]) == explicit
    # what a file names and this broker lacks stays, until it is taken out
    assert enabling(explicit, ["rabbitmq_sharding"]) > explicit
    assert disabling(explicit, ["rabbitmq_shovel"]) == {"rabbitmq_management"}
    assert setting(explicit, ["rabbitmq_sharding"]) == {"rabbitmq_sharding"}


@given(st.frozensets(st.from_regex(r"[a-z][A-Za-z0-9_@]{0,9}|[ -&(-\[\]-~]{1,9}", fullmatch=True)))
def test_a_file_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, names: frozenset[str]
) -> None:
    path = tmp_path_factory.mktemp("plugins") / "file"
    clean = frozenset(name for name in names if "%" not in name)
    write(path, clean)
    assert read(path) == clean


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "[rabbitmq_management,rabbitmq_prometheus].",
            ["rabbitmq_management", "rabbitmq_prometheus"],
        ),
        ("[ a , 'b' ] .\n", ["a", "b"]),
        ("% of ours\n[a, % not b\n c].\n", ["a", "c"]),
        ("[].", []),
        ("[]  .  \n\n", []),
        ("", []),
        ("\n% none yet\n", []),
    ],
)
def test_forms_of_the_file(tmp_path: Path, text: str, names: Iterable[str]) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    assert read(path) == frozenset(names)


@pytest.mark.parametrize(
    "text",
    ["rabbitmq_management", "[a b].", "[a,].", "[a]", "[A].", "[a].[b].", "{a}.", "[" + "a" * 9999],
)
def test_what_is_no_list(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(PluginsError) as caught:
        read(path)
    assert str(caught.value) == (
        f"Could not read enabled plugins file at {path}: it is no list like [name,name]."
    )


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert read(tmp_path / "none") is None
    with pytest.raises(PluginsError, match=r"^Could not read .*: Is a directory$"):
        read(tmp_path)
    path = tmp_path / "octets"
    path.write_bytes(b"[\xff].")
    with pytest.raises(PluginsError, match=r": not text$"):
        read(path)


def test_files_that_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "none" / "file"
    with pytest.raises(PluginsError) as caught:
        write(path, [])
    assert str(caught.value) == (
        f"Could not update enabled plugins file at {path}: the file does not exist (ENOENT)"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_denial_has_rabbitmqs_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)
    for verb, act in (("read", read), ("update", lambda path: write(path, []))):
        with pytest.raises(PluginsError) as caught:
            act(tmp_path / "f")
        assert str(caught.value) == (
            f"Could not {verb} enabled plugins file at {tmp_path / 'f'}:"
            " the file does not exist or permission was denied (EACCES)"
        )


def test_a_data_directory_is_made_when_there_is_none(tmp_path: Path) -> None:
    path = in_data_directory(tmp_path / "new" / "data")
    assert path.name == FILE_NAME
    write(path, ["a"])
    assert read(path) == {"a"}


def test_a_link_stays_one_and_nothing_else_is_left(tmp_path: Path) -> None:
    link, real = tmp_path / "link", tmp_path / "real"
    real.write_text("[].")
    link.symlink_to(real)
    write(link, ["b", "a"])
    assert link.is_symlink()
    assert real.read_text() == "[a,b].\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]


def test_a_file_that_cannot_be_replaced_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mounted"
    path.write_text("[].")
    inode = path.stat().st_ino

    def refuse(*_: object) -> Path:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", refuse)
    write(path, ["a"])
    assert (read(path), path.stat().st_ino) == ({"a"}, inode)
    assert [one.name for one in tmp_path.iterdir()] == ["mounted"]


def test_the_changes_have_the_commands_names() -> None:
    assert set(plugins.CHANGES) == {"enable", "disable", "set"}
