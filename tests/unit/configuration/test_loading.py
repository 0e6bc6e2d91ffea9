from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from broker.config import Config
from broker.configuration.building import ConfigurationError
from broker.configuration.loading import SYSCTL, TERMS, YAML, default_data_dir, format_of
from tests.support.configuring import loaded


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def problems(directory: Path, *flags: str, **environ: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        loaded(directory, *flags, environ=environ)
    return caught.value.problems


def test_without_anything_everything_has_its_default(tmp_path: Path) -> None:
    found = loaded(tmp_path)
    assert found.config == Config(data_dir=str(default_data_dir({})))
    assert found.sources == {}
    assert found.files == found.warnings == ()
    assert (found.pid_file, found.enabled_plugins, found.cookie) == (None, None, None)


def test_where_data_is_kept_when_nobody_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The system's place where we may write there, else the user's."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert default_data_dir({"XDG_STATE_HOME": "/x"}) == Path("/x/leveret")
    assert default_data_dir({}) == Path.home() / ".local" / "state" / "leveret"
    monkeypatch.setattr(os, "access", lambda path, mode: True)
    assert default_data_dir({}) == Path("/var/lib/leveret")
    assert loaded(tmp_path, "--data-dir", "none").config.kept_in == ""


def test_the_variable_of_the_data_directory(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "rabbitmq.conf").write_text("data_dir = /file\n")
    environ = {"LEVERET_DATA_DIR": "/mine", "RABBITMQ_MNESIA_DIR": "/mnesia"}
    found = loaded(tmp_path, environ=environ)
    assert (found.config.data_dir, found.sources["data_dir"]) == ("/mine", "$LEVERET_DATA_DIR")
    assert loaded(tmp_path, "--data-dir", "/flag", environ=environ).config.data_dir == "/flag"
    assert loaded(tmp_path, environ={"LEVERET_DATA_DIR": ""}).config.data_dir == "/file"
    assert default_data_dir(environ) == Path("/mine")  # which `leveret store` takes


def test_flags(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        *("--node-name", "rabbit@x", "--data-dir", "/d", "--bind", "::1", "--port", "0"),
        *("--management-port", "1", "--prometheus-port", "2"),
    )
    config = found.config
    assert config.identity.node_name == "rabbit@x"
    assert config.data_dir == "/d"
    assert (config.listeners.bind, config.listeners.port) == ("::1", 0)
    assert (config.management.port, config.prometheus.port) == (1, 2)
    assert found.sources["prometheus.tcp.port"] == "--prometheus-port"


def test_later_ones_win(tmp_path: Path) -> None:
    """leveret.yaml, rabbitmq.conf, conf.d, advanced.config, variables, --set, flags."""
    etc = tmp_path / "etc"
    sources = [
        written(etc / "leveret.yaml", "default_user: 0\n"),
        written(etc / "rabbitmq.conf", "default_user = 1\n"),
        written(etc / "conf.d" / "10.conf", "default_user = 2\n"),
        written(etc / "conf.d" / "20.conf", "default_user = 3\n"),
        written(etc / "advanced.config", '[{rabbit, [{default_user, <<"4">>}]}].'),
    ]
    written(etc / "conf.d" / "note.txt", "no settings\n")
    flags = ["--set", "default_user=6"]
    environ = {"RABBITMQ_DEFAULT_USER": "5"}
    assert loaded(tmp_path, *flags, environ=environ).config.defaults.user == "6"
    assert loaded(tmp_path, environ=environ).config.defaults.user == "5"
    for number in range(4, -1, -1):
        found = loaded(tmp_path)
        assert found.config.defaults.user == str(number)
        assert found.sources["default_user"].startswith(str(sources[number]))
        assert found.files == tuple(map(str, sources[: number + 1]))
        sources[number].unlink()
    assert loaded(tmp_path).config.defaults.user == "guest"
    found = loaded(tmp_path, "--set", "listeners.tcp.default=2", "--port", "3")
    assert found.config.listeners.port == 3


def test_files_that_are_named_stand_for_all_others(tmp_path: Path) -> None:
    written(tmp_path / "etc" / "leveret.yaml", "heartbeat: 1\nchannel_max: 1\n")
    first = written(tmp_path / "a.yaml", "heartbeat: 2\nframe_max: 5000\n")
    second = written(tmp_path / "b.conf", "heartbeat = 3\n")
    limits = loaded(tmp_path, "--config", str(first), "--config", str(second)).config.limits
    assert (limits.heartbeat_s, limits.frame_max, limits.channel_max) == (3, 5000, 2047)
    limits = loaded(tmp_path, "--config", str(second), "--config", str(first)).config.limits
    assert limits.heartbeat_s == 2


def test_rabbitmqs_own_place_is_read_by_who_names_it(tmp_path: Path) -> None:
    written(tmp_path / "etc" / "leveret.yaml", "heartbeat: 1\n")
    main = written(tmp_path / "rabbitmq" / "rabbitmq.conf", "heartbeat = 2\n")
    more = written(tmp_path / "more" / "x", "channel_max = 3\n")
    last = written(tmp_path / "last", "[{rabbit, [{frame_max, 5000}]}].")
    for name in (str(main), str(main.with_suffix(""))):
        environ = {
            "RABBITMQ_CONFIG_FILE": name,
            "RABBITMQ_CONFIG_FILES": str(more.parent),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(last),
        }
        found = loaded(tmp_path, environ=environ)
        limits = found.config.limits
        assert (limits.heartbeat_s, limits.channel_max, limits.frame_max) == (2, 3, 5000)
        assert found.files == (str(main), str(more), str(last))
    written(main.with_suffix(".config"), "[{rabbit, [{heartbeat, 4}]}].")  # RabbitMQ: the old one
    assert loaded(tmp_path, environ=environ).config.limits.heartbeat_s == 4


def test_files_that_variables_name_and_that_are_not_there(tmp_path: Path) -> None:
    environ = {"RABBITMQ_CONFIG_FILE": "/nope/a", "RABBITMQ_ADVANCED_CONFIG_FILE": "/nope/b"}
    assert loaded(tmp_path, environ=environ).warnings == (
        "$RABBITMQ_CONFIG_FILE: there is no file /nope/a",
        "$RABBITMQ_ADVANCED_CONFIG_FILE: there is no file /nope/b",
    )
    assert problems(tmp_path, "--config", "/nope/c") == (
        "/nope/c: cannot be read: No such file or directory",
    )


def test_references_see_through_all_files_of_a_kind(tmp_path: Path) -> None:
    written(tmp_path / "etc" / "rabbitmq.conf", "default_pass = $(default_user)!\n")
    written(tmp_path / "etc" / "conf.d" / "1.conf", "default_user = u\n")
    assert loaded(tmp_path).config.defaults.password == "u!"


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.yaml", "[{rabbit, []}].", YAML),
        ("a.YML", "", YAML),
        ("a.conf", "a: 1", SYSCTL),
        ("a.config", "a = 1", TERMS),
        ("a", "# c\na.b = 1\n", SYSCTL),
        ("a", "include x.conf\n", SYSCTL),
        ("a", "a: 1\n", YAML),
        ("a", "a:\n  b: 1 = 2\n", YAML),
        ("a", "%% c\n\n[{rabbit, []}].", TERMS),
        ("a", "", SYSCTL),
        ("a", "%% c\n", TERMS),
    ],
)
def test_formats(tmp_path: Path, name: str, text: str, kind: str) -> None:
    assert format_of(written(tmp_path / name, text)) == kind


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    path = written(tmp_path / "x.conf", "heartbeat = x\n\nhartbeat = 1\n")
    found = problems(tmp_path, "--config", str(path), "--set", "heartbeat", "--port", "99999")
    assert found == (
        f"{path}:1: 'heartbeat' must be a whole number, not 'x'",
        f"{path}:3: unknown key 'hartbeat'; did you mean 'heartbeat'?",
        "--set takes key=value, not 'heartbeat'",
        "--port: 'listeners.tcp.default' must be at most 65535",
    )


def test_a_value_may_contain_an_equals_sign(tmp_path: Path) -> None:
    assert loaded(tmp_path, "--set", " default_pass = a=b").config.defaults.password == "a=b"


@pytest.mark.parametrize(
    ("assignment", "problem"),
    [
        ("auth_backends.x=internal", "unknown setting 'auth_backends.x'"),
        ("default_users.a.pasword=x", "unknown setting 'default_users.a.pasword'"),
        ("auth_backends=cache", "the backend cache needs 'auth_cache.cached_backend'"),
        ("definitions.local.path=/x", "'definitions.local.path' need each other"),
    ],
)
def test_what_is_wrong_of_several_settings(tmp_path: Path, assignment: str, problem: str) -> None:
    (found,) = problems(tmp_path, "--set", assignment)
    assert found.startswith("--set: ")
    assert problem in found


def test_a_start_without_files_imports_nothing_that_reads_them() -> None:
    code = (
        "import sys; from broker.configuration.arguments import build_parser;"
        "from broker.configuration.loading import load_everything;"
        "load_everything(build_parser().parse_args(['--port', '0']), {});"
        "print([n for n in sys.modules if n == 'yaml' or n.startswith('broker.configuration.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(
        [f"broker.configuration.{name}" for name in ("arguments", "building", "loading")]
    )
