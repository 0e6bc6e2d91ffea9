from __future__ import annotations

import pytest

from broker.amqp.errors import MalformedSyntax
from broker.amqp.wire import encode_table, table_of
from broker.auth.mechanisms import MECHANISMS, Credentials, amqplain, plain


def test_the_mechanisms_in_the_order_they_are_announced() -> None:
    assert list(MECHANISMS) == ["PLAIN", "AMQPLAIN"]


@pytest.mark.parametrize(
    ("response", "credentials"),
    [
        (b"\0guest\0secret", Credentials("guest", b"secret")),
        (b"\0guest\0", Credentials("guest", b"")),
        (b"\0\0", Credentials("", b"")),
        ("\0grün\0pässword".encode(), Credentials("grün", "pässword".encode())),
    ],
)
def test_plain(response: bytes, credentials: Credentials) -> None:
    assert plain(response) == credentials


@pytest.mark.parametrize("response", [b"", b"guest", b"\0guest", b"me\0guest\0x", b"\0a\0b\0c"])
def test_plain_that_is_none(response: bytes) -> None:
    with pytest.raises(MalformedSyntax, match="invalid"):
        plain(response)


def _response(**values: object) -> bytes:
    return encode_table(table_of(values))[4:]


def test_amqplain() -> None:
    response = _response(LOGIN="guest", PASSWORD="sécret")
    assert amqplain(response) == Credentials("guest", "sécret".encode())


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        (_response(LOGIN="guest"), "is missing LOGIN or PASSWORD"),
        (_response(), "is missing LOGIN or PASSWORD"),
        (_response(LOGIN=1, PASSWORD="x"), "unsupported type"),
        (_response(LOGIN="x", PASSWORD=None), "unsupported type"),
    ],
)
def test_amqplain_that_is_none(response: bytes, problem: str) -> None:
    with pytest.raises(MalformedSyntax, match=problem):
        amqplain(response)


def test_amqplain_that_is_no_table() -> None:
    with pytest.raises(MalformedSyntax):
        amqplain(b"\x05LOG")


def test_a_refusal_does_not_repeat_the_password() -> None:
    with pytest.raises(MalformedSyntax) as caught:
        amqplain(_response(PASSWORD="hunter2"))
    assert "hunter2" not in caught.value.reply_text
