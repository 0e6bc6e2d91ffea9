"""Lines of a rabbitmq.conf; what RabbitMQ makes of them was asked of its own reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.configuration.building import Building
from broker.configuration.sysctl import FILE_MAX, REFERENCES_MAX, expanded, read, text_of


def values(directory: Path, text: str | bytes) -> dict[str, object]:
    building = Building()
    found = _read(directory, text, building)
    assert building.problems == []
    return found


def _read(directory: Path, text: str | bytes, building: Building) -> dict[str, object]:
    path = directory / "x.conf"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return {entry.key: entry.value for entry in expanded(read(path, building), building)}


def problems(directory: Path, text: str | bytes) -> list[str]:
    building = Building()
    _read(directory, text, building)
    return [problem.replace(f"{directory}/", "") for problem in building.problems]


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("a.b = 1", "a.b", "1"),
        ("  a.k = indented", "a.k", "indented"),
        ("a.b=1", "a.b", "1"),
        ("a\t=\t3\t", "a", "3"),
        ("a = \tx\ty \t", "a", "x\ty"),
        ("a = x = y", "a", "x = y"),
        ("a.b-c_D9.7 = x", "a.b-c_D9.7", "x"),
        ("a.l\\.m = esc", "a.l\\.m", "esc"),
        ("a.b = x#y", "a.b", "x"),
        ("a.b = a # c", "a.b", "a"),
        ("a.b = c\\\\d", "a.b", "c\\\\d"),
        ("a.b = naïve", "a.b", "naïve"),
        ('a.c = "x"', "a.c", '"x"'),
        ("a.d = it's", "a.d", "it's"),
        # as in 3.13; 3.10 has the quotes in the value
        ("a = 'x # y '", "a", "x # y "),
        (r"a = 'it\'s'  # c", "a", "it's"),
        ("a = ''", "a", ""),
        ("a = 'x' y", "a", "'x' y"),
        ("a.b = 1\r", "a.b", "1"),
        ("\ufeffa.b = 1", "a.b", "1"),
    ],
)
def test_a_line(tmp_path: Path, line: str, key: str, value: str) -> None:
    assert values(tmp_path, line + "\n") == {key: value}


@pytest.mark.parametrize("text", ["", "\n", "# only\n", "  ## indented\n\n\t\n"])
def test_nothing(tmp_path: Path, text: str) -> None:
    assert values(tmp_path, text) == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a.b 1", "x.conf:1: must be 'key = value'"),
        ("# c\na b = 1", "x.conf:2: must be 'key = value'"),
        ("= 3", "x.conf:1: must be 'key = value'"),
        ("a.h = ", "x.conf:1: 'a.h' has no value"),
        ("a.h = # nothing", "x.conf:1: 'a.h' has no value"),
        ("a..b = 3", "x.conf:1: 'a..b' has an empty part"),
        ("a.b. = 3", "x.conf:1: 'a.b.' has an empty part"),
        ("a = x\x00y", "x.conf:1: 'a' has a control character in its value"),
        (b"a = \xff", "x.conf: is not UTF-8"),
        ("a = $(nope)", "x.conf:1: 'a' substitution requires a config variable 'nope' to be set"),
        ("a = $(b)\nb = $(a)", "x.conf:1: 'a' stands for itself"),
        ("a = $(a)", "x.conf:1: 'a' stands for itself"),
        ("include x.conf", "x.conf:1: files include one another"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(
    tmp_path: Path, text: str | bytes, problem: str
) -> None:
    assert problem in problems(tmp_path, text)


def test_of_a_key_that_is_given_twice_the_last_value_counts(tmp_path: Path) -> None:
    assert values(tmp_path, "a.b = 1\na.b = 2\nc = $(a.b)\n") == {"a.b": "2", "c": "2"}


def test_values_of_other_keys(tmp_path: Path) -> None:
    text = "a = x$(b)y$(b)\nb = $(c.d)\nc.d = 3\ne = '$(b)'\n"
    assert values(tmp_path, text) == {"a": "x3y3", "b": "3", "c.d": "3", "e": "$(b)"}


def test_values_from_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hello\nworld\n")
    assert values(tmp_path, f"a = $(<{tmp_path}/secret)") == {"a": "hello\nworld"}
    found = problems(tmp_path, f"a = $(<{tmp_path}/nope)")
    assert found == ["x.conf:1: 'a': nope cannot be read: No such file or directory"]


def test_files_that_are_included(tmp_path: Path) -> None:
    (tmp_path / "inc").mkdir()
    (tmp_path / "inc" / "a.conf").write_text("x=1\n")
    (tmp_path / "inc" / "b.conf").write_text("y=1\n")
    text = "x=3\ninclude inc/*.conf\nz=2\n"
    assert values(tmp_path, text) == {"x": "1", "y": "1", "z": "2"}
    assert values(tmp_path, f"include {tmp_path}/inc/b.conf  # absolute\n") == {"y": "1"}
    assert values(tmp_path, "include nope.conf\n") == {}
    (tmp_path / "inc" / "a.conf").write_text("x\n")
    assert problems(tmp_path, text) == ["inc/a.conf:1: must be 'key = value'"]


def test_files_that_include_each_other(tmp_path: Path) -> None:
    (tmp_path / "y.conf").write_text("include x.conf\n")
    assert problems(tmp_path, "include y.conf\n") == ["x.conf:1: files include one another"]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read: No such file or directory"):
        text_of(tmp_path / "nope")
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        text_of(tmp_path)
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(FILE_MAX + 1)
    with pytest.raises(ValueError, match="larger than 16 MiB"):
        text_of(large)


def test_a_chain_of_keys_has_an_end(tmp_path: Path) -> None:
    lines = [f"a.{number} = $(a.{number + 1})" for number in range(2000)]
    found = problems(tmp_path, "\n".join([*lines, "a.2000 = 1"]))
    assert found[0] == "x.conf:1: 'a.0' stands for too many keys, one within the other"
    assert len(found) == 2000 - REFERENCES_MAX


def test_a_value_does_not_grow_for_ever(tmp_path: Path) -> None:
    lines = [f"a.{number} = {f'$(a.{number + 1})' * 4}" for number in range(4)]
    found = problems(tmp_path, "\n".join([*lines, f"a.4 = {'x' * 5000}"]))
    assert found == ["x.conf:1: 'a.0' has a value that is too long"]


def test_the_root_cannot_be_included(tmp_path: Path) -> None:
    assert problems(tmp_path, "include /") == ["x.conf:1: '/' is no name of a file"]
