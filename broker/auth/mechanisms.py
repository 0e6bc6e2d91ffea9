"""SASL mechanisms: how a peer says who it is.

PLAIN (RFC 4616), RabbitMQ's AMQPLAIN, EXTERNAL (RFC 4422: the client's certificate says it, as with
rabbitmq_auth_mechanism_ssl) and ANONYMOUS (RFC 4505, as in RabbitMQ 4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from broker.amqp.erlang import printed
from broker.amqp.errors import MalformedSyntax
from broker.amqp.wire import Field, decode_table, encode_longstr
from broker.auth.x509 import Certificate, CertificateError
from broker.transport_settings import Authentication


class Credentials(NamedTuple):
    username: str
    password: bytes | None  # None: it has been shown otherwise who this is


class Circumstances(NamedTuple):
    """What a mechanism may know besides the peer's response. certificate: DER; None: none came."""

    settings: Authentication
    is_tls: bool = False
    verifies: bool = False  # certificates, if there is one
    certificate: bytes | None = None


class LoginRefusedError(Exception):
    """The reason is for the log; the peer is not told."""


def plain(response: bytes, circumstances: Circumstances | None = None) -> Credentials:
    """An authorization id is not accepted, as in RabbitMQ. Raises: MalformedSyntax."""
    parts = response.split(b"\0", 2)
    if len(parts) != 3 or parts[0] or b"\0" in parts[2]:
        raise MalformedSyntax(f"response {printed(response)} invalid")
    return Credentials(parts[1].decode("utf-8", "surrogateescape"), parts[2])


def amqplain(response: bytes, circumstances: Circumstances | None = None) -> Credentials:
    """response: a table without its length. Raises: MalformedSyntax."""
    table, _ = decode_table(encode_longstr(response), 0)
    login, password = table.get("LOGIN"), table.get("PASSWORD")
    if login is None or password is None:
        raise MalformedSyntax(
            f"AMQPLAIN auth info {_listed(table)} is missing LOGIN or PASSWORD field"
        )
    if login.tag != "S" or password.tag != "S":
        raise MalformedSyntax(
            f"AMQPLAIN auth info {_listed(table)} uses unsupported type for LOGIN or PASSWORD field"
        )
    return Credentials(str(login.value), str(password.value).encode("utf-8", "surrogateescape"))


def _listed(table: dict[str, Field]) -> str:
    """The names only: RabbitMQ prints the values too, and with them the password."""
    return "[" + ",".join(printed(name) for name in table) + "]"


def external(response: bytes, circumstances: Circumstances) -> Credentials:
    """The name is in the certificate; the response does not matter. Raises: LoginRefusedError."""
    if circumstances.certificate is None:
        if circumstances.is_tls:
            reason = "connection peer presented no TLS (x.509) certificate"
        else:
            reason = "not a TLS-enabled connection"
        raise LoginRefusedError(reason)
    if not circumstances.verifies:
        raise LoginRefusedError("TLS configuration is unsafe")
    name = certificate_name(circumstances.certificate, circumstances.settings)
    if name is None:
        raise LoginRefusedError("no name found")
    return Credentials(name, None)


def certificate_name(der: bytes, settings: Authentication) -> str | None:
    """The user's name in a certificate, by ssl_cert_login_from. None: it has none."""
    try:
        certificate = Certificate(der)
        if settings.login_from == "distinguished_name":
            return certificate.subject
        if settings.login_from == "common_name":
            return ",".join(certificate.common_names) if certificate.common_names else None
        names = certificate.alternative_names(settings.san_type)
    except CertificateError:
        return None
    return names[settings.san_index] if settings.san_index < len(names) else None


def anonymous(response: bytes, circumstances: Circumstances) -> Credentials:
    """Whoever comes is the one user that the settings name; the response is a trace for nobody."""
    settings = circumstances.settings
    return Credentials(settings.anonymous_user, settings.anonymous_password.encode())


MECHANISMS: dict[str, Callable[[bytes, Circumstances], Credentials]] = {
    "PLAIN": plain,
    "AMQPLAIN": amqplain,
    "EXTERNAL": external,
    "ANONYMOUS": anonymous,
}


def offered(settings: Authentication, *, is_tls: bool) -> list[str]:
    """The mechanisms that a peer may choose from. EXTERNAL is one of them over TLS only, and there
    without a certificate too: a refusal says more than its absence."""
    return [name for _, name in settings.mechanisms if name != "EXTERNAL" or is_tls]
