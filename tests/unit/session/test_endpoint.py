"""Names of cipher suites are those that RabbitMQ's HTTP API had for the same ones."""

from __future__ import annotations

import pytest

from broker.session.endpoint import NOWHERE, Endpoint, Tls
from tests.unit.auth.test_x509 import MULTI


@pytest.mark.parametrize(
    ("cipher", "suite"),
    [
        ("TLS_AES_256_GCM_SHA384", ("any", "aes_256_gcm", "aead")),
        ("TLS_CHACHA20_POLY1305_SHA256", ("any", "chacha20_poly1305", "aead")),
        ("ECDHE-RSA-AES256-GCM-SHA384", ("ecdhe_rsa", "aes_256_gcm", "aead")),
        ("ECDHE-ECDSA-AES128-GCM-SHA256", ("ecdhe_ecdsa", "aes_128_gcm", "aead")),
        ("ECDHE-RSA-AES256-SHA384", ("ecdhe_rsa", "aes_256_cbc", "sha384")),
        ("ECDHE-RSA-AES256-SHA", ("ecdhe_rsa", "aes_256_cbc", "sha")),
        ("ECDHE-RSA-CHACHA20-POLY1305", ("ecdhe_rsa", "chacha20_poly1305", "aead")),
        ("DHE-RSA-AES128-SHA256", ("dhe_rsa", "aes_128_cbc", "sha256")),
        ("AES128-SHA", ("rsa", "aes_128_cbc", "sha")),
        ("AES128-CCM8", ("rsa", "aes_128_ccm_8", "aead")),
        ("", ("rsa", "", "")),
    ],
)
def test_suites(cipher: str, suite: tuple[str, str, str]) -> None:
    assert Tls("TLSv1.2", cipher, None, False).suite == suite


def test_a_plain_connection() -> None:
    endpoint = Endpoint("10.0.0.1", 1000, "10.0.0.2", 5672)
    assert endpoint.name == "10.0.0.1:1000 -> 10.0.0.2:5672"
    assert endpoint.facts() == {
        "peer_host": "10.0.0.1",
        "peer_port": 1000,
        "host": "10.0.0.2",
        "port": 5672,
        "ssl": False,
        "ssl_protocol": None,
        "ssl_key_exchange": None,
        "ssl_cipher": None,
        "ssl_hash": None,
        "peer_cert_subject": None,
        "peer_cert_issuer": None,
        "peer_cert_validity": None,
    }
    assert NOWHERE.facts()["ssl"] is False


def test_a_peer_with_a_certificate() -> None:
    tls = Tls("TLSv1.3", "TLS_AES_256_GCM_SHA384", MULTI, True)
    facts = Endpoint("10.0.0.1", 1000, "10.0.0.2", 5671, tls).facts()
    assert (facts["ssl"], facts["ssl_protocol"]) == (True, "tlsv1.3")
    assert facts["peer_cert_subject"] == facts["peer_cert_issuer"] == "CN=two,OU=x+CN=one"
    assert str(facts["peer_cert_validity"]).startswith("2026-11-21T16:18:59Z - ")


def test_a_certificate_that_cannot_be_read_is_not_shown() -> None:
    facts = Endpoint("h", 1, "h", 2, Tls("TLSv1.2", "", b"broken", True)).facts()
    assert facts["ssl"] is True
    assert facts["peer_cert_subject"] is None
