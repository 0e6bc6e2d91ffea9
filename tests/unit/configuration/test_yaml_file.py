from __future__ import annotations

from pathlib import Path

import pytest

from broker.config import Config
from broker.configuration.building import Building
from broker.configuration.yaml_file import read_yaml
from tests.support.configuring import built

NAME = "leveret.yaml"


def test_a_file_may_nest_its_keys_or_dot_them(tmp_path: Path) -> None:
    text = "listeners:\n  tcp:\n    default: 1234\nlisteners.bind: ::1\nheartbeat: 7\n"
    building = built(tmp_path, text, NAME)
    config = building.finished()
    assert config.listeners.port == 1234
    assert config.listeners.bind == "::1"
    assert config.limits.heartbeat_s == 7
    assert building.sources["listeners.tcp"] == f"{tmp_path}/leveret.yaml:3"
    assert building.sources["heartbeat"] == f"{tmp_path}/leveret.yaml:5"


def test_values_of_all_sorts(tmp_path: Path) -> None:
    text = (
        "loopback_users: [a, b]\nfast_path: no\nconnection_max: none\nconsumer_timeout: null\n"
        "listeners.tcp: [1, '127.0.0.1:2']\ndisk_free_limit.absolute: 1GB\n"
    )
    config = built(tmp_path, text, NAME).finished()
    assert config.loopback_users == ("a", "b")
    assert not config.fast_path
    assert config.limits.connection_max is config.limits.consumer_timeout_ms is None
    assert config.listeners.tcp == (("", "1"), ("", "127.0.0.1:2"))
    assert config.alarms.disk_absolute == 10**9


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_a_file_with_nothing(tmp_path: Path, text: str) -> None:
    assert built(tmp_path, text, NAME).finished() == Config()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "a: 1\nhartbeat: 1\n",
            "leveret.yaml:2: unknown setting 'hartbeat'; did you mean 'heartbeat'?",
        ),
        ("log:\n  lvl:\n    x: 1\n", "leveret.yaml:3: unknown setting 'log.lvl.x'"),
        ("- a\n- b\n", "leveret.yaml: must hold settings as 'key: value'"),
        ("text", "leveret.yaml: must hold settings as 'key: value'"),
        ("a: [\n", "leveret.yaml:2: is not YAML"),
        ("a: b: c\n", "leveret.yaml:1: is not YAML"),
        ("x: 1\n--- \ny: 2\n", "leveret.yaml:2: is not YAML"),
        ("5: 6\n", "leveret.yaml:1: unknown setting '5'"),
        ("[1]: 6\n", "leveret.yaml:1: a key must be a word"),
        ("heartbeat: soon\n", "leveret.yaml:1: 'heartbeat' must be a number, not 'soon'"),
        ("heartbeat: [1]\n", "leveret.yaml:1: 'heartbeat' must be a number, not [1]"),
        ("loopback_users: [[a]]\n", "'loopback_users' must be a value or a list of values"),
        ("heartbeat: !!python/object:os.system 1\n", "'heartbeat' must be a value or a list"),
        ("heartbeat: !!int x\n", "'heartbeat' must be a value or a list"),
        ("heartbeat: {a: &a [*a]}\n", "'heartbeat' must be a value or a list"),
        ("a: &a {b: *a, c: *a}\n", "leveret.yaml:1: 'a.b' cannot be what stands elsewhere"),
        ("a: &a {b: 1}\nc: *a\n", "leveret.yaml:2: 'c' cannot be what stands elsewhere"),
        ("a: " * 3000, "is not YAML"),
        ("[" * 3000, "is not YAML: too deep"),
        ("a: \x00\n", "leveret.yaml: is not YAML"),
    ],
)
def test_what_cannot_be(tmp_path: Path, text: str, problem: str) -> None:
    building = built(tmp_path, text, NAME)
    assert any(problem in one for one in building.problems), building.problems
    assert all("\n" not in one for one in building.problems)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    building = Building()
    read_yaml(tmp_path / "nope.yaml", building)
    (tmp_path / "latin.yaml").write_bytes(b"default_user: \xff\n")
    read_yaml(tmp_path / "latin.yaml", building)
    assert building.problems == [
        f"{tmp_path}/nope.yaml: cannot be read: No such file or directory",
        f"{tmp_path}/latin.yaml: is not UTF-8",
    ]


@pytest.mark.parametrize("value", ['!!int ""', '!!float ""', "!!bool x", "!!timestamp x"])
def test_a_value_that_is_not_what_its_tag_says(tmp_path: Path, value: str) -> None:
    building = built(tmp_path, f"heartbeat: {value}\n", NAME)
    problem = f"{NAME}:1: 'heartbeat' must be a value or a list of values"
    assert building.problems == [problem]


def test_a_version_that_is_no_number_of_yaml(tmp_path: Path) -> None:
    (problem,) = built(tmp_path, f"%YAML 1.{'1' * 5000}\n---\na: 1\n", NAME).problems
    assert problem.startswith(f"{NAME}: is not YAML: ")
