"""TLS: what the node's OpenSSL can do, and the certificates of listeners."""

from __future__ import annotations

import asyncio
import re
import ssl
from pathlib import Path
from typing import Any

from broker.amqp.erlang import Atom
from broker.control.actions import Asked, action
from broker.control.status import listener

VERSIONS = (
    ("tlsv1.3", ssl.HAS_TLSv1_3),
    ("tlsv1.2", ssl.HAS_TLSv1_2),
    ("tlsv1.1", ssl.HAS_TLSv1_1),
    ("tlsv1", ssl.HAS_TLSv1),
)
ALL = "ALL:@SECLEVEL=0"  # of OpenSSL: all but those that do not encrypt
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_PRF = re.compile(r"SHA(256|384)$")


@action(needs_app=False)
async def versions(asked: Asked) -> list[Atom]:
    return [Atom(name) for name, is_there in VERSIONS if is_there]


@action(needs_app=False)
async def cipher_suites(asked: Asked, form: str, has_all: bool) -> list[Any]:
    """form: openssl: names; erlang: tuples; map. has_all: also those that are not on by default."""
    ciphers = await asyncio.to_thread(_ciphers, has_all)
    if form == "openssl":
        return [cipher["name"] for cipher in ciphers]
    return [as_map(cipher) if form == "map" else as_tuple(cipher) for cipher in ciphers]


def _ciphers(has_all: bool) -> list[Any]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if has_all:
        context.set_ciphers(ALL)
    return context.get_ciphers()


def as_map(cipher: dict[str, Any]) -> dict[Atom, Atom]:
    """As Erlang's `ssl:cipher_suites` has it."""
    values = {
        "cipher": _symmetric(cipher),
        "key_exchange": _key_exchange(cipher),
        "mac": "aead" if cipher["aead"] else _digest(cipher),
        "prf": _prf(cipher) or "default_prf",
    }
    return {Atom(name): Atom(value) for name, value in values.items()}


def as_tuple(cipher: dict[str, Any]) -> tuple[Atom, ...]:
    """As it was in Erlang before: without what is usual."""
    found = as_map(cipher)
    names = [found[Atom(name)] for name in ("key_exchange", "cipher", "mac", "prf")]
    return tuple(names[:3] if names[3] == "default_prf" else names)


def _key_exchange(cipher: dict[str, Any]) -> str:
    how = cipher["kea"].removeprefix("kx-").replace("-", "_")
    who = cipher["auth"].removeprefix("auth-").replace("-", "_")
    if how == "any":
        return "any"
    if how.endswith("psk") or who == how:
        return str(how)
    return f"{how}_{'anon' if who == 'null' else who}"


def _symmetric(cipher: dict[str, Any]) -> str:
    name = str(cipher["symmetric"]).replace("-", "_")
    return f"{name}_8" if "CCM8" in cipher["name"] or "CCM_8" in cipher["name"] else name


def _digest(cipher: dict[str, Any]) -> str:
    digest = str(cipher["digest"] or "null").replace("-", "_")
    return "sha" if digest == "sha1" else digest


def _prf(cipher: dict[str, Any]) -> str:
    """Empty: that of its version of TLS."""
    name = cipher["name"]
    found = _PRF.search(name)
    is_usual = not cipher["aead"] and "ECDHE" not in name
    if found is None or (found[1] == "256" and is_usual):
        return "sha256" if "CHACHA20" in name else ""
    return f"sha{found[1]}"


@action()
async def certificates(asked: Asked) -> list[tuple[Any, Any, Any]]:
    """Of each listener with TLS: itself, and what is in its two files, which has no secrets."""
    config = asked.node.config
    options = {
        "amqp/ssl": config.tls,
        "https": config.management.tls.options(config.tls),
        "https/prometheus": config.prometheus.tls.options(config.tls),
    }
    found = []
    for one in asked.host.listening:
        tls = options.get(one.protocol)
        if tls is not None:
            own, authorities = await asyncio.to_thread(_read_all, tls.certfile, tls.cacertfile)
            found.append((listener(asked.host, one), own, authorities))
    return found


def _read_all(*paths: str) -> list[Any]:
    return [certificates_in(path) for path in paths]


def certificates_in(path: str) -> Any:
    """The certificates of a PEM file as they stand there, without the keys that may be in it."""
    if not path:
        return Atom("nil")
    try:
        text = Path(path).read_text("ascii", "replace")
    except OSError as error:
        return (Atom("error"), error.strerror or str(error))
    return "".join(f"{found}\n" for found in _CERTIFICATE.findall(text))
