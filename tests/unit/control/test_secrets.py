"""Passwords are not shown."""

from __future__ import annotations

import pytest

from broker.control.secrets import MASK, is_secret, masked, masked_arguments, masked_value


@pytest.mark.parametrize(
    "name",
    ["default_pass", "ssl_options.password", "RABBITMQ_ERLANG_COOKIE", "client_secret", "passwd"],
)
def test_secrets_go_by_such_names(name: str) -> None:
    assert is_secret(name)
    assert masked_value(name, "x") == MASK
    assert masked_value(name, "") == ""


@pytest.mark.parametrize(
    "name", ["default_user", "passphrase_file", "password_hashing_module", "bypass", "passing"]
)
def test_other_names_have_none(name: str) -> None:
    assert is_secret(name) is (name == "bypass")


def test_passwords_of_uris_are_masked_wherever_they_are() -> None:
    text = "amqp://me:hush@host/v amqps://you:hush@host http://plain/x:y"
    shown = f"amqp://me:{MASK}@host/v amqps://you:{MASK}@host http://plain/x:y"
    assert masked(text) == shown
    assert masked_value("shovel_uri", "amqp://me:hush@h") == f"amqp://me:{MASK}@h"


def test_a_command_line_is_shown_without_its_secrets() -> None:
    given = ["--set", "default_pass=hush", "--erlang-cookie", "hush", "--erlang-cookie=hush"]
    given += ["--set=default_pass=hush=hush", "--data-dir", "/d", "amqp://me:hush@h", "-v"]
    assert masked_arguments(given) == [
        *("--set", f"default_pass={MASK}", "--erlang-cookie", MASK, f"--erlang-cookie={MASK}"),
        *(f"--set=default_pass={MASK}", "--data-dir", "/d", f"amqp://me:{MASK}@h", "-v"),
    ]
