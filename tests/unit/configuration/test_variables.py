from __future__ import annotations

import os
from pathlib import Path

import pytest

from broker.configuration.building import ConfigurationError
from broker.configuration.loading import Loaded
from broker.configuration.variables import GIVEN_UP, WITHOUT_EFFECT, node_name
from tests.support.configuring import loaded


def with_variables(directory: Path, *flags: str, **variables: str) -> Loaded:
    environ = {f"RABBITMQ_{name}": value for name, value in variables.items()}
    return loaded(directory, *flags, environ=environ)


def problems(directory: Path, **variables: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        with_variables(directory, **variables)
    return caught.value.problems


def test_settings_that_are_variables(tmp_path: Path) -> None:
    found = with_variables(
        tmp_path,
        NODENAME="mq@host",
        DEFAULT_USER="u",
        DEFAULT_PASS="p",
        DEFAULT_VHOST="v",
        PRODUCT_NAME="N",
        PRODUCT_VERSION="1",
        MNESIA_BASE="/base",
        HEARTBEAT="5",  # is none
    )
    config = found.config
    assert config.identity.node_name == "mq@host"
    assert (config.defaults.user, config.defaults.password, config.defaults.vhost) == tuple("upv")
    assert (config.identity.product, config.identity.product_version) == ("N", "1")
    assert config.data_dir == "/base/mq@host"
    assert config.limits.heartbeat_s == 60
    assert found.sources["default_user"] == "$RABBITMQ_DEFAULT_USER"
    assert found.sources["data_dir"] == "$RABBITMQ_MNESIA_BASE"
    assert found.warnings == ()


def test_a_directory_of_its_own(tmp_path: Path) -> None:
    found = with_variables(tmp_path, MNESIA_BASE="/base", MNESIA_DIR="/d")
    assert found.config.data_dir == "/d"
    found = with_variables(tmp_path, "--data-dir", "/flag", MNESIA_DIR="/d")
    assert found.config.data_dir == "/flag"
    found = with_variables(tmp_path, MNESIA_BASE="/base")
    assert found.config.data_dir == f"/base/{node_name('rabbit')}"


def test_names_of_nodes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    host = os.uname_result(("Linux", "box.example.org", "", "", ""))
    monkeypatch.setattr(os, "uname", lambda: host)
    for variables, name in (
        ({"NODENAME": "mq"}, "mq@box"),
        ({"NODENAME": "mq", "USE_LONGNAME": " TRUE "}, "mq@box.example.org"),
        ({"USE_LONGNAME": "yes"}, "rabbit@box.example.org"),
        ({"USE_LONGNAME": "no"}, ""),
        ({"NODENAME": ""}, ""),
    ):
        assert with_variables(tmp_path, **variables).config.identity.node_name == name


@pytest.mark.parametrize(
    ("variables", "listeners"),
    [
        ({"NODE_PORT": "1"}, "1"),
        ({"NODE_IP_ADDRESS": "::1"}, "::1:5672"),
        ({"NODE_IP_ADDRESS": "127.0.0.1", "NODE_PORT": "1"}, "127.0.0.1:1"),
        ({"NODE_IP_ADDRESS": "auto", "NODE_PORT": "1"}, "1"),
    ],
)
def test_where_to_listen(tmp_path: Path, variables: dict[str, str], listeners: str) -> None:
    found = with_variables(tmp_path, **variables)
    assert found.config.listeners.tcp == (("default", listeners),)


def test_a_file_that_says_where_to_listen_counts_more(tmp_path: Path) -> None:
    """As with RabbitMQ, which takes these variables for defaults."""
    path = tmp_path / "x.conf"
    path.write_text("listeners.tcp.default = 7\n")
    found = with_variables(tmp_path, "--config", str(path), NODE_PORT="1")
    assert found.config.listeners.port == 7


def test_a_port_that_is_none(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, NODE_PORT="five")
    assert problem.startswith("$RABBITMQ_NODE_PORT: 'listeners.tcp.default' must be a port")


def test_secrets_from_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("geheim\n")
    found = with_variables(tmp_path, DEFAULT_PASS_FILE=str(tmp_path / "secret"))
    assert found.config.defaults.password == "geheim"
    found = with_variables(tmp_path, ERLANG_COOKIE_FILE=str(tmp_path / "secret"))
    assert found.cookie == "geheim"
    (problem,) = problems(tmp_path, DEFAULT_USER_FILE=str(tmp_path / "nope"))
    assert problem == (
        f"$RABBITMQ_DEFAULT_USER_FILE: cannot read {tmp_path}/nope: No such file or directory"
    )
    (problem,) = problems(tmp_path, DEFAULT_USER="u", DEFAULT_USER_FILE="/f")
    assert problem == (
        "both RABBITMQ_DEFAULT_USER and RABBITMQ_DEFAULT_USER_FILE are set (but are exclusive)"
    )


@pytest.mark.parametrize("name", GIVEN_UP)
def test_variables_that_the_image_has_given_up(tmp_path: Path, name: str) -> None:
    (problem,) = problems(tmp_path, **{name: "1"})
    assert problem == (
        f"error: RABBITMQ_{name} is set but deprecated; write '{GIVEN_UP[name]}' into a"
        " configuration file instead"
    )


@pytest.mark.parametrize("name", WITHOUT_EFFECT)
def test_variables_without_effect(tmp_path: Path, name: str) -> None:
    found = with_variables(tmp_path, **{name: "x"})
    assert found.warnings == (f"$RABBITMQ_{name}: accepted without effect: {WITHOUT_EFFECT[name]}",)
    assert found.config == with_variables(tmp_path).config


def test_what_is_no_setting(tmp_path: Path) -> None:
    found = with_variables(
        tmp_path,
        PID_FILE="/p",
        KEEP_PID_FILE_ON_EXIT="1",
        ENABLED_PLUGINS="a, b",
        ENABLED_PLUGINS_FILE="/e",
        ERLANG_COOKIE="C",
    )
    assert (found.pid_file, found.keeps_pid_file) == (Path("/p"), True)
    assert (found.enabled_plugins, found.enabled_plugins_file) == (("a", "b"), Path("/e"))
    assert found.cookie == "C"
    assert with_variables(tmp_path, ENABLED_PLUGINS="").enabled_plugins == ()
    assert with_variables(tmp_path, PID_FILE="/p").enabled_plugins is None


def test_levels_of_the_log(tmp_path: Path) -> None:
    assert with_variables(tmp_path, LOG="debug").config.log.default.level == "debug"
    assert with_variables(tmp_path, LOG="notice").config.log.default.level == "notice"
    found = with_variables(tmp_path, LOG="warning,connection=error,+json")
    assert found.config.log.default.level == "warning"
    assert found.config.log.connection.level == "error"
    assert found.config.log.file_output.formatter == "json"
    assert found.warnings == ()


def test_the_exchange_for_the_log(tmp_path: Path) -> None:
    assert with_variables(tmp_path, LOGS="exchange:x").config.log.has_exchange


def test_the_file_of_variables(tmp_path: Path) -> None:
    """A shell's variables count more; there names may do without RABBITMQ_."""
    (tmp_path / "etc").mkdir()
    path = tmp_path / "etc" / "rabbitmq-env.conf"
    path.write_text("NODENAME=a@b\nDEFAULT_USER=file\nRABBITMQ_DEFAULT_VHOST=v\nHEARTBEAT=1\n")
    found = with_variables(tmp_path, DEFAULT_USER="shell")
    assert found.config.identity.node_name == "a@b"
    assert (found.config.defaults.user, found.config.defaults.vhost) == ("shell", "v")
    assert found.sources["default_vhost"] == f"{path}:3"
    assert loaded(tmp_path).config.defaults.user == "file"  # with no variable at all
    other = tmp_path / "other"
    other.write_text("DEFAULT_USER=other\n")
    assert with_variables(tmp_path, CONF_ENV_FILE=str(other)).config.defaults.user == "other"
    assert with_variables(tmp_path, CONF_ENV_FILE=str(other)).config.identity.node_name == ""
    found = with_variables(tmp_path, CONF_ENV_FILE="/nope")
    assert found.warnings == ("$RABBITMQ_CONF_ENV_FILE: there is no file /nope",)
