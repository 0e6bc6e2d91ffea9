"""Both ends of a connection, and what protects it: what a list of connections shows.

Made when somebody asks (`Connection.endpoint`): a connection at which nobody looks pays nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from broker.auth.x509 import Certificate, CertificateError

_AEAD = ("_gcm", "_ccm", "_ccm_8", "poly1305")


class Tls(NamedTuple):
    """What was agreed on. version, cipher: by OpenSSL's names; certificate: the peer's, DER."""

    version: str
    cipher: str
    certificate: bytes | None
    verifies: bool  # the peer was asked for a certificate, and what it gave has been verified

    @property
    def protocol(self) -> str:
        """tlsv1.3, tlsv1.2, …"""
        return self.version.lower()

    @property
    def suite(self) -> tuple[str, str, str]:
        """Key exchange, cipher and hash as Erlang calls them: ecdhe_rsa, aes_256_gcm, aead."""
        if self.cipher.startswith("TLS_"):
            cipher, _, _ = self.cipher[4:].lower().rpartition("_")
            return "any", cipher, "aead"
        parts = self.cipher.lower().split("-")
        exchange = []
        while parts and parts[0] in ("ecdhe", "dhe", "ecdh", "dh", "rsa", "ecdsa", "dss", "psk"):
            exchange.append(parts.pop(0))
        cipher, mac = _cipher_and_mac(parts)
        return "_".join(exchange) or "rsa", cipher, mac


def _cipher_and_mac(parts: list[str]) -> tuple[str, str]:
    """parts: of OpenSSL's name behind the key exchange: aes256, gcm, sha384."""
    bits = {"aes128": "aes_128", "aes256": "aes_256", "ccm8": "ccm_8"}
    mac = parts.pop() if parts and parts[-1].startswith(("sha", "md5")) else ""
    name = "_".join(bits.get(part, part) for part in parts)
    name = {"aes_128": "aes_128_cbc", "aes_256": "aes_256_cbc", "des_cbc3": "3des_ede_cbc"}.get(
        name, name
    )
    return name, "aead" if name.endswith(_AEAD) else mac


class Endpoint(NamedTuple):
    """Ports are 0 and hosts are paths, or empty, on a Unix socket. tls: None: plain."""

    peer_host: str
    peer_port: int
    host: str
    port: int
    tls: Tls | None = None

    @property
    def name(self) -> str:
        """As RabbitMQ names a connection: 127.0.0.1:41234 -> 127.0.0.1:5672."""
        return f"{self.peer_host}:{self.peer_port} -> {self.host}:{self.port}"

    def facts(self) -> dict[str, object]:
        """By the names of RabbitMQ's HTTP API; what does not apply is None."""
        shown: dict[str, object] = {
            "peer_host": self.peer_host,
            "peer_port": self.peer_port,
            "host": self.host,
            "port": self.port,
            "ssl": self.tls is not None,
        }
        tls = self.tls
        suite = tls.suite if tls is not None else (None, None, None)
        shown["ssl_protocol"] = tls.protocol if tls is not None else None
        shown.update(zip(("ssl_key_exchange", "ssl_cipher", "ssl_hash"), suite, strict=True))
        return shown | _certificate_facts(tls.certificate if tls is not None else None)


def _certificate_facts(der: bytes | None) -> dict[str, object]:
    names = ("subject", "issuer", "validity")
    shown: dict[str, object] = dict.fromkeys(f"peer_cert_{name}" for name in names)
    if der is not None:
        try:
            certificate = Certificate(der)
            shown = {f"peer_cert_{name}": getattr(certificate, name) for name in names}
        except CertificateError:  # OpenSSL has read it; what it says is nothing we can show
            return shown
    return shown


NOWHERE = Endpoint("", 0, "", 0)


def nowhere(transport: object) -> Endpoint:
    """For a transport that is no socket."""
    return NOWHERE
