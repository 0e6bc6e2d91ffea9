from __future__ import annotations

import pytest

from broker.config import Config, ConfigError, override
from broker.transport_settings import Address, Listeners, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("5672", Address("", 5672)),
        ("0", Address("", 0)),
        ("127.0.0.1:5672", Address("127.0.0.1", 5672)),
        ("::1:5673", Address("::1", 5673)),
        (":::5672", Address("::", 5672)),
        ("[::1]:5673", Address("::1", 5673)),
        ("localhost:65535", Address("localhost", 65535)),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "must be a port or address:port"),
        ("x", "must be a port or address:port"),
        (":5672", "must be a port or address:port"),
        ("127.0.0.1:", "must be a port or address:port"),
        ("127.0.0.1", "must be a port or address:port"),
        ("٣", "must be a port or address:port"),
        ("-1", "must be at least 0"),
        ("65536", "must be at most 65535"),
        ("::1:99999999999999999999", "must be at most 65535"),
    ],
)
def test_what_is_no_address(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_address(text)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("listeners.ssl.1", "x", "must be a port or address:port, not 'x'"),
        ("listeners.unix.1", "", "must be the path of a file"),
        ("listeners.unix_access", "0660", "must be one of owner, group, all"),
        ("ssl_options.versions.1", "sslv3", "must be one of tlsv1, .*, not 'sslv3'"),
        ("ssl_options.verify", "yes", "must be one of verify_peer, verify_none"),
        ("auth_mechanisms.1", "plain", "must be one of PLAIN, .*, not 'plain'"),
        ("ssl_options.depth", 256, "must be at most 255"),
        ("ssl_cert_login_from", "cn", "must be one of distinguished_name"),
    ],
)
def test_values_that_cannot_be_used(key: str, value: object, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        override(Config(), key, value)


def test_the_first_port() -> None:
    assert Listeners().port == 5672
    assert Listeners(tcp=()).port == 0
    assert override(Config(), "listeners.tcp.default", "127.0.0.1:7").listeners.port == 7
