from __future__ import annotations

from pathlib import Path

import pytest

from broker.configuration.building import Building
from broker.configuration.env_file import read_env_file


def variables(directory: Path, text: str) -> tuple[dict[str, str], list[str]]:
    path = directory / "rabbitmq-env.conf"
    path.write_text(text)
    building = Building()
    found = read_env_file(path, {"HOME": "/root", "EMPTY": ""}, building)
    values = {name: value for name, (value, _) in found.items()}
    return values, [one.replace(f"{directory}/", "") for one in building.problems]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("  export A=b  # comment", "b"),
        ("A=", ""),
        ("A='x y'", "x y"),
        ("A=\"x y\"'z'", "x yz"),
        (r"A=x\ y", "x y"),
        (r'A="a\"b\n"', r'a"b\n'),
        ("A=$HOME/x", "/root/x"),
        ("A=${HOME}x", "/rootx"),
        ("A='$HOME'", "$HOME"),
        ('A="$HOME"', "/root"),
        (r"A=\$HOME", "$HOME"),
        ("A=${NOPE:-x}${EMPTY:-y}$NOPE", "xy"),
        ("A=a#b", "a#b"),
        ("A=a\\\nb", "ab"),
        ("A=b\r", "b"),
        ("B=1\nA=$B$B", "11"),
    ],
)
def test_an_assignment(tmp_path: Path, line: str, value: str) -> None:
    values, problems = variables(tmp_path, f"# first\n\n{line}\n")
    assert problems == []
    assert values["A"] == value


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("A = b", "must be NAME=value; other commands of a shell are not run"),
        ("ulimit -n 5", "must be NAME=value; other commands of a shell are not run"),
        ("A=b touch /tmp/x", "must be NAME=value; other commands of a shell are not run"),
        ("A=$(touch x)", "commands are not run here"),
        ("A=`touch x`", "commands are not run here"),
        ("A=b;touch x", "';' is a shell's, which does not run here"),
        ("A=b&", "'&' is a shell's"),
        ("A='b", "a quote is not closed"),
    ],
)
def test_what_only_a_shell_could_do(tmp_path: Path, line: str, problem: str) -> None:
    values, problems = variables(tmp_path, f"B=1\n{line}\nC=2\n")
    assert values == {"B": "1", "C": "2"}
    assert len(problems) == 1
    assert problems[0].startswith("rabbitmq-env.conf:2: ")
    assert problem in problems[0]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    building = Building()
    assert read_env_file(tmp_path / "nope", {}, building) == {}
    assert building.problems == [f"{tmp_path}/nope: cannot be read: No such file or directory"]
