from __future__ import annotations

import pytest

from broker.amqp.errors import MalformedSyntax
from broker.amqp.wire import encode_table, table_of
from broker.auth.mechanisms import (
    MECHANISMS,
    Circumstances,
    Credentials,
    LoginRefusedError,
    amqplain,
    anonymous,
    external,
    offered,
    plain,
)
from broker.config import Config, override
from broker.transport_settings import MECHANISM_NAMES, Authentication
from tests.unit.auth.test_x509 import MULTI, NAMELESS, ODD


def test_the_mechanisms_in_the_order_they_are_announced() -> None:
    assert list(MECHANISMS) == list(MECHANISM_NAMES)
    settings = Authentication()
    assert offered(settings, is_tls=True) == ["PLAIN", "AMQPLAIN"]
    config = override(Config(), "auth_mechanisms", "EXTERNAL,ANONYMOUS,PLAIN").authentication
    assert offered(config, is_tls=True) == ["EXTERNAL", "ANONYMOUS", "PLAIN"]
    assert offered(config, is_tls=False) == ["ANONYMOUS", "PLAIN"]


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


def _by(der: bytes | None, *, verifies: bool = True, **settings: object) -> Circumstances:
    return Circumstances(Authentication(**settings), True, verifies, der)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("der", "settings", "name"),
    [
        (MULTI, {}, "CN=two,OU=x+CN=one"),
        (MULTI, {"login_from": "common_name"}, "one,two"),
        (ODD, {"login_from": "subject_alternative_name"}, "one.example"),
        (ODD, {"login_from": "subject_alt_name", "san_index": 1}, "two.example"),
        (ODD, {"login_from": "subject_alt_name", "san_type": "email"}, "me@example.org"),
        (ODD, {"login_from": "subject_alt_name", "san_type": "uri"}, "urn:x:y"),
        (ODD, {"login_from": "subject_alt_name", "san_type": "ip"}, "\n\x01\x02\x03"),
    ],
)
def test_external(der: bytes, settings: dict[str, object], name: str) -> None:
    assert external(b"whatever", _by(der, **settings)) == Credentials(name, None)


@pytest.mark.parametrize(
    ("circumstances", "reason"),
    [
        (_by(None), r"connection peer presented no TLS \(x.509\) certificate"),
        (Circumstances(Authentication()), "not a TLS-enabled connection"),
        (_by(ODD, verifies=False), "TLS configuration is unsafe"),
        (_by(NAMELESS, login_from="common_name"), "no name found"),
        (_by(NAMELESS, login_from="subject_alternative_name"), "no name found"),
        (_by(ODD, login_from="subject_alternative_name", san_index=2), "no name found"),
        (_by(ODD[:-900], login_from="subject_alternative_name"), "no name found"),
    ],
)
def test_external_without_a_name(circumstances: Circumstances, reason: str) -> None:
    with pytest.raises(LoginRefusedError, match=reason):
        external(b"", circumstances)


def test_anonymous() -> None:
    settings = Authentication(anonymous_user="nobody", anonymous_password="x")
    assert anonymous(b"trace", Circumstances(settings)) == Credentials("nobody", b"x")
