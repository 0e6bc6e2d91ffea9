from __future__ import annotations

import pytest

from broker.config import Config, ConfigError, override
from broker.management_settings import WebTls
from broker.transport_settings import TlsOptions


def config_of(settings: dict[str, object]) -> Config:
    config = Config()
    for key, value in settings.items():
        config = override(config, key, value)
    return config


@pytest.mark.parametrize(
    ("settings", "ports"),
    [
        ({}, (15672, None)),
        ({"tcp.port": 8080}, (8080, None)),
        ({"tcp.port": 0}, (0, None)),
        ({"ssl.port": 8443}, (None, 8443)),  # nobody wants the other one then
        ({"ssl.certfile": "/c.pem"}, (None, 15671)),
        ({"ssl.port": 8443, "tcp.port": 15672}, (15672, 8443)),
        ({"tcp.ip": "127.0.0.1"}, (15672, None)),
        ({"enabled": False}, (None, None)),
        ({"enabled": "no", "tcp.port": 1, "ssl.port": 2}, (None, None)),
    ],
)
def test_where_management_is_listened_for(
    settings: dict[str, object], ports: tuple[int | None, int | None]
) -> None:
    config = config_of({f"management.{key}": value for key, value in settings.items()})
    assert config.management.ports == ports


@pytest.mark.parametrize(
    ("settings", "ports"),
    [
        ({}, (15692, None)),
        ({"prometheus.ssl.keyfile": "/k.pem"}, (None, 15691)),
        ({"prometheus.enabled": False}, (None, None)),
        ({"management.enabled": False, "management.ssl.port": 1}, (15692, None)),
    ],
)
def test_where_metrics_are_listened_for(
    settings: dict[str, object], ports: tuple[int | None, int | None]
) -> None:
    assert config_of(settings).prometheus.ports == ports


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("management.tcp.port", 65536, "must be at most 65535"),
        ("management.ssl.versions.1", "sslv3", "must be one of tlsv1, .*, not 'sslv3'"),
        ("management.rates_mode", "all", "must be one of basic, detailed, none"),
        ("management.tcp.idle_timeout", 0, "'management.tcp.idle_timeout' must be at least 1"),
        ("management.tcp.certfile", "x", "unknown setting"),
    ],
)
def test_values_that_cannot_be_used(key: str, value: object, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        override(Config(), key, value)


def test_origins_are_a_list() -> None:
    assert config_of({"management.cors.allow_origins": "none"}).management.cors_origins == ()
    config = config_of({"management.cors.allow_origins.1": "https://a.example"})
    assert config.management.cors_origins == (("1", "https://a.example"),)


def test_https_has_a_certificate_of_its_own_or_the_node_s() -> None:
    node = TlsOptions(
        certfile="/node.pem", verify="verify_peer", fail_if_no_peer_cert=True,
        handshake_timeout_ms=7,
    )  # fmt: skip
    shared = WebTls().options(node)
    assert (shared.certfile, shared.verify) == ("/node.pem", "verify_none")
    assert not shared.fail_if_no_peer_cert
    own = WebTls(certfile="/own.pem", verify="verify_peer", cacertfile="/ca.pem", depth=1)
    options = own.options(node)
    assert (options.certfile, options.cacertfile, options.depth) == ("/own.pem", "/ca.pem", 1)
    assert (options.verify, options.handshake_timeout_ms) == ("verify_peer", 7)
