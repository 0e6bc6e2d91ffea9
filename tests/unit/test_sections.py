"""Declaring settings."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest

from broker.config import Config, override
from broker.sections import Section, numbered, part, setting


class Lock(Section):
    code: str = setting("0000", key="code", secret=True, help="What opens it.")
    keys: tuple[tuple[str, str], ...] = numbered((), key="keys", help="Who has one.")


class Door(Section):
    """With something that is no setting."""

    width: int = setting(1, key="width", help="In metres.")
    marks: list[str] = setting(list, key="marks", help="Made anew for each.")
    lock: Lock = part(Lock, "lock")

    @property
    def is_wide(self) -> bool:
        return self.width > 1


class Gate(Door):
    height: int = setting(2, key="height", help="In metres.")
    width: int = setting(3, key="gate_width", help="Another default.")


def test_what_is_not_given_has_its_default() -> None:
    door = Door(width=2)
    assert (door.width, door.marks, door.lock, door.is_wide) == (2, [], Lock(), True)
    assert door.marks is not Door().marks
    assert Gate().width == 3
    assert list(Gate.declared) == ["width", "marks", "lock", "height"]
    assert list(Door.declared) == ["width", "marks", "lock"]


@pytest.mark.parametrize("values", [{"hight": 1}, {"is_wide": True}, {"width": 1, "declared": {}}])
def test_what_is_no_setting_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(TypeError, match=r"Door has no (hight|is_wide|declared)"):
        Door(**values)
    with pytest.raises(TypeError, match=r"Door has no"):
        Door().replace(**values)


def test_a_section_never_changes() -> None:
    door = Door()
    with pytest.raises(AttributeError, match="'width' of a section of settings does not change"):
        door.width = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="'width' of a section of settings does not go"):
        del door.width
    wider = door.replace(width=2)
    assert (door.width, wider.width, wider.lock) == (1, 2, door.lock)
    assert isinstance(Gate().replace(height=5), Gate)


def test_sections_with_the_same_values_are_equal() -> None:
    assert Lock() == Lock()
    assert hash(Lock()) == hash(Lock())
    assert Lock() != Lock(code="1")
    assert Door() != Gate(width=1)
    assert Config() == Config()
    assert Config() != Config(data_dir="/somewhere")


def pickled(config: Config) -> object:
    return pickle.loads(pickle.dumps(config))


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickled])
def test_a_copy_is_equal(again: Callable[[Config], object]) -> None:
    config = Config(data_dir="/somewhere")
    assert again(config) == config


def test_a_section_shows_what_was_set_and_no_secrets() -> None:
    door = Door(width=2, lock=Lock(code="1234"))
    assert repr(door) == "Door(width=2, lock=Lock(code=********))"
    assert repr(Door()) == "Door()"
    config = override(Config(), "auth_http.user_path", "http://u:pw@h/x")
    assert "pw" not in repr(config)
    assert "http://u:********@h/x" in repr(config)
