"""Cipher suites as Erlang has them, and certificates."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from broker.amqp.erlang import Atom, flat
from broker.control import tls
from broker.control.actions import Asked

NOBODY = cast(Asked, None)
# As OpenSSL describes them, and as Erlang does: recorded from both.
SUITES = {
    "TLS_AES_256_GCM_SHA384": "{any,aes_256_gcm,aead,sha384}",
    "TLS_CHACHA20_POLY1305_SHA256": "{any,chacha20_poly1305,aead,sha256}",
    "ECDHE-ECDSA-AES256-GCM-SHA384": "{ecdhe_ecdsa,aes_256_gcm,aead,sha384}",
    "ECDHE-RSA-AES256-SHA384": "{ecdhe_rsa,aes_256_cbc,sha384,sha384}",
    "ECDHE-RSA-AES128-SHA256": "{ecdhe_rsa,aes_128_cbc,sha256,sha256}",
    "ECDHE-ECDSA-AES256-CCM": "{ecdhe_ecdsa,aes_256_ccm,aead}",
    "ECDHE-ECDSA-AES256-CCM8": "{ecdhe_ecdsa,aes_256_ccm_8,aead}",
    "DHE-RSA-AES256-SHA256": "{dhe_rsa,aes_256_cbc,sha256}",
    "DHE-RSA-CHACHA20-POLY1305": "{dhe_rsa,chacha20_poly1305,aead,sha256}",
    "ECDHE-RSA-AES256-SHA": "{ecdhe_rsa,aes_256_cbc,sha}",
    "DHE-DSS-AES128-SHA256": "{dhe_dss,aes_128_cbc,sha256}",
}


def suites(form: str) -> list[Any]:
    return asyncio.run(tls.cipher_suites(NOBODY, form, has_all=True))


def test_suites_have_the_terms_of_erlang() -> None:
    names, terms = suites("openssl"), [flat(term) for term in suites("erlang")]
    found = dict(zip(names, terms, strict=True))
    known = {name: term for name, term in SUITES.items() if name in found}
    assert len(known) >= 8
    assert {name: found[name] for name in known} == known


def test_a_map_names_the_parts() -> None:
    (found,) = [
        suite
        for name, suite in zip(suites("openssl"), suites("map"), strict=True)
        if name == "DHE-RSA-AES256-SHA256"
    ]
    assert {str(key): str(value) for key, value in found.items()} == {
        "cipher": "aes_256_cbc",
        "key_exchange": "dhe_rsa",
        "mac": "sha256",
        "prf": "default_prf",
    }


def test_fewer_are_on_by_default() -> None:
    default = asyncio.run(tls.cipher_suites(NOBODY, "openssl", has_all=False))
    assert 0 < len(default) < len(suites("openssl"))


def test_a_file_is_shown_without_its_keys(tmp_path: Path) -> None:
    certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    key = "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----\n"
    path = tmp_path / "both.pem"
    path.write_text(certificate + key + certificate)
    assert tls.certificates_in(str(path)) == certificate * 2
    assert tls.certificates_in("") == Atom("nil")
    gone = tls.certificates_in(str(tmp_path / "gone"))
    assert gone == (Atom("error"), "No such file or directory")


@pytest.mark.parametrize("version", ["tlsv1.3", "tlsv1.2"])
def test_the_versions_of_today_are_there(version: str) -> None:
    assert Atom(version) in asyncio.run(tls.versions(NOBODY))
