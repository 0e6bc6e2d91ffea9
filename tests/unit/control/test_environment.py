"""Settings by RabbitMQ's applications and keys."""

from __future__ import annotations

from typing import Any

from broker.amqp.erlang import Atom, CharList
from broker.config import Config, override, settings
from broker.control.environment import environment_of
from broker.control.secrets import MASK


def shown(**given: object) -> dict[str, dict[str, Any]]:
    config = Config()
    for key, value in given.items():
        config = override(config, key.replace("__", "."), value)
    found = environment_of(config)
    return {str(name): {str(key): value for key, value in pairs} for name, pairs in found}


def test_settings_have_rabbitmqs_kinds_of_terms() -> None:
    rabbit = shown()["rabbit"]
    assert rabbit["heartbeat"] == 60
    assert rabbit["default_user"] == "guest"
    assert not isinstance(rabbit["default_user"], (Atom, CharList))  # a binary
    assert rabbit["default_user_tags"] == [Atom("administrator")]
    assert isinstance(rabbit["default_user_tags"][0], Atom)
    assert rabbit["connection_max"] == Atom("infinity")
    assert rabbit["tcp_listeners"] == [5672]
    assert rabbit["vm_memory_high_watermark"] == 0.4
    assert rabbit["auth_backends"] == [Atom("rabbit_auth_backend_internal")]
    assert dict(rabbit["tcp_listen_options"])[Atom("nodelay")] is True


def test_what_was_set_is_shown() -> None:
    found = shown(
        listeners__tcp="127.0.0.1:5690",
        vm_memory_high_watermark__absolute="2GB",
        disk_free_limit__relative="1.5",
        management__tcp__port=15690,
        management__rates_mode="detailed",
    )
    assert found["rabbit"]["tcp_listeners"] == [(CharList("127.0.0.1"), 5690)]
    assert found["rabbit"]["vm_memory_high_watermark"] == (Atom("absolute"), 2_000_000_000)
    assert found["rabbit"]["disk_free_limit"] == (Atom("mem_relative"), 1.5)
    assert dict(found["rabbitmq_management"]["tcp_config"])[Atom("port")] == 15690
    assert found["rabbitmq_management_agent"]["rates_mode"] == Atom("detailed")


def test_a_backend_for_each_half_is_a_pair() -> None:
    given = {"auth_backends__1__authn": "http", "auth_backends__1__authz": "internal"}
    assert shown(**given)["rabbit"]["auth_backends"] == [
        (Atom("rabbit_auth_backend_http"), Atom("rabbit_auth_backend_internal"))
    ]


def test_secrets_are_not_shown() -> None:
    found = shown(
        default_pass="hush1",
        ssl_options__password="hush2",
        anonymous_login_pass="hush3",
        auth_http__user_path="http://me:hush4@here/user",
    )
    assert "hush" not in repr(found)
    assert "default_pass" not in found["rabbit"]
    assert dict(found["rabbit"]["ssl_options"])[Atom("password")] == MASK


def test_every_other_setting_is_there() -> None:
    count = sum(len(pairs) for _, pairs in environment_of(Config()))
    nested = sum(
        len(value) - 1
        for _, pairs in environment_of(Config())
        for name, value in pairs
        if name.endswith(("_config", "_options")) or name == "log"
    )
    hidden = 4  # default_pass; listeners.bind, and two halves of what is one there
    assert count + nested == sum(1 for _ in settings()) - hidden
