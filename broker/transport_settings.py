"""The settings of everything between a socket and a connection: where the node listens, TLS, who
may say who they are and how."""

from __future__ import annotations

from typing import NamedTuple

from broker.sections import Section, numbered, part, setting
from broker.settings import one_of

TLS_VERSIONS = ("tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3")
UNIX_MODES = {"owner": 0o600, "group": 0o660, "all": 0o666}
MECHANISM_NAMES = ("PLAIN", "AMQPLAIN", "EXTERNAL", "ANONYMOUS")


class Address(NamedTuple):
    """Where to listen. host: empty: wherever `listeners.bind` says."""

    host: str
    port: int


def parse_address(text: str) -> Address:
    """A port, or address:port as RabbitMQ has it: 127.0.0.1:5672, ::1:5672, [::1]:5672.

    Raises: ValueError.
    """
    host, _, digits = text.strip().rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    negative = digits.startswith("-") and digits[1:].isascii() and digits[1:].isdigit()
    if negative:
        raise ValueError("must be at least 0")
    if not (digits.isascii() and digits.isdigit()) or text.strip().startswith(":" + digits):
        raise ValueError(f"must be a port or address:port, not '{text}'")
    if len(digits) > 9 or int(digits) > 65535:
        raise ValueError("must be at most 65535")
    return Address(host, int(digits))


def _path(text: str) -> None:
    if not text:
        raise ValueError("must be the path of a file")


class TcpOptions(Section):
    """What is set on the sockets of peers."""

    backlog: int = setting(
        1024,
        key="tcp_listen_options.backlog",
        bounds=(1, 2**31 - 1),
        help="Connections waiting to be accepted.",
    )
    nodelay: bool = setting(
        True, key="tcp_listen_options.nodelay", help="Off: small segments are put together."
    )
    keepalive: bool = setting(
        False, key="tcp_listen_options.keepalive", help="The system looks after idle connections."
    )
    sndbuf: int = setting(
        0,
        key="tcp_listen_options.sndbuf",
        unit="bytes",
        bounds=(0, 2**31 - 1),
        help="The system's buffer for what is sent; 0: it decides.",
    )
    recbuf: int = setting(
        0,
        key="tcp_listen_options.recbuf",
        unit="bytes",
        bounds=(0, 2**31 - 1),
        help="The system's buffer for what is received; 0: it decides.",
    )
    linger: bool = setting(
        False,
        key="tcp_listen_options.linger.on",
        help="With linger.timeout = 0: a close resets the connection, what was not sent is lost.",
    )
    linger_s: int = setting(
        0,
        key="tcp_listen_options.linger.timeout",
        unit="s",
        bounds=(0, 65535),
        help="More than 0 is without effect: the system sends on in the background anyway.",
    )


class Listeners(Section):
    """Where the node listens."""

    bind: str = setting("", key="listeners.bind", help="Address; empty: all, IPv4 and IPv6.")
    tcp: tuple[tuple[str, str], ...] = numbered(
        ("5672",),
        key="listeners.tcp",
        check=parse_address,
        help="AMQP: a port or address:port, one or several: `listeners.tcp.default`,"
        " `listeners.tcp.1` and so on; port 0: a free one; `listeners.tcp = none`: nowhere.",
    )
    tls: tuple[tuple[str, str], ...] = numbered(
        (),
        key="listeners.ssl",
        check=parse_address,
        help="AMQP over TLS (5671 is usual), likewise; needs ssl_options.",
    )
    unix: tuple[tuple[str, str], ...] = numbered(
        (), key="listeners.unix", check=_path, help="AMQP: paths of Unix sockets, likewise."
    )
    unix_access: str = setting(
        "group",
        key="listeners.unix_access",
        choices=tuple(UNIX_MODES),
        help="Who may connect to a Unix socket: owner, group or all.",
    )
    proxy_protocol: bool = setting(
        False,
        key="proxy_protocol",
        help="Every connection begins with a PROXY header (v1 or v2) that names its peer.",
    )
    options: TcpOptions = part(TcpOptions)

    @property
    def port(self) -> int:
        """The first AMQP port; 0: a free one, or none."""
        return parse_address(self.tcp[0][1]).port if self.tcp else 0


class TlsOptions(Section):
    """What `listeners.ssl` speaks, and with whom."""

    certfile: str = setting(
        "", key="ssl_options.certfile", help="The node's certificate and what is between it and"
        " its CA, PEM. A changed file is taken up within seconds."
    )  # fmt: skip
    keyfile: str = setting(
        "", key="ssl_options.keyfile", help="Its private key; empty: it is in the certfile."
    )
    password: str = setting(
        "", key="ssl_options.password", secret=True, help="Of an encrypted private key."
    )
    cacertfile: str = setting(
        "", key="ssl_options.cacertfile", help="CAs whose client certificates are believed, PEM."
    )
    verify: str = setting(
        "verify_none",
        key="ssl_options.verify",
        choices=("verify_peer", "verify_none"),
        help="Whether clients are asked for a certificate, which is then verified.",
    )
    fail_if_no_peer_cert: bool = setting(
        False,
        key="ssl_options.fail_if_no_peer_cert",
        help="With verify_peer: whoever has no certificate is turned away.",
    )
    depth: int = setting(
        10,
        key="ssl_options.depth",
        bounds=(0, 255),
        help="Intermediate certificates allowed between a client's and its CA.",
    )
    versions: tuple[tuple[str, str], ...] = numbered(
        ("tlsv1.3", "tlsv1.2"),
        key="ssl_options.versions",
        check=one_of(*TLS_VERSIONS),
        help="Of the protocol: tlsv1.3, tlsv1.2, tlsv1.1, tlsv1.",
    )
    ciphers: tuple[tuple[str, str], ...] = numbered(
        (),
        key="ssl_options.ciphers",
        check=_path,
        help="Cipher suites by OpenSSL's names, best first; empty: OpenSSL's choice.",
    )
    honor_cipher_order: bool = setting(
        False,
        key="ssl_options.honor_cipher_order",
        help="The node's order of cipher suites counts, not the client's.",
    )
    dhfile: str = setting("", key="ssl_options.dhfile", help="Diffie-Hellman parameters, PEM.")
    sni_certfile: tuple[tuple[str, str], ...] = numbered(
        (),
        key="ssl_options.sni.certfile",
        check=_path,
        help="Other certificates, by the host that a client asks for:"
        " `ssl_options.sni.certfile.mq.example.com`, `ssl_options.sni.certfile.*.example.com`.",
    )
    sni_keyfile: tuple[tuple[str, str], ...] = numbered(
        (),
        key="ssl_options.sni.keyfile",
        check=_path,
        help="Their keys, where not in the certfile.",
    )
    handshake_timeout_ms: int = setting(
        5_000,
        key="ssl_handshake_timeout",
        unit="ms",
        bounds=(1, 2**31),
        help="Time for the TLS handshake, and for a PROXY header.",
    )


class Authentication(Section):
    """How peers may say who they are."""

    mechanisms: tuple[tuple[str, str], ...] = numbered(
        ("PLAIN", "AMQPLAIN"),
        key="auth_mechanisms",
        live=True,
        check=one_of(*MECHANISM_NAMES),
        help="SASL mechanisms offered, in this order: PLAIN, AMQPLAIN, EXTERNAL (over TLS),"
        " ANONYMOUS.",
    )
    login_from: str = setting(
        "distinguished_name",
        key="ssl_cert_login_from",
        live=True,
        choices=(
            "distinguished_name",
            "common_name",
            "subject_alternative_name",
            "subject_alt_name",
        ),
        help="What of a client's certificate is the user's name with EXTERNAL.",
    )
    san_type: str = setting(
        "dns",
        key="ssl_cert_login_san_type",
        live=True,
        choices=("dns", "ip", "email", "uri", "other_name"),
        help="Which subject alternative name.",
    )
    san_index: int = setting(
        0, key="ssl_cert_login_san_index", live=True, help="Which one of that type, from 0 on."
    )
    anonymous_user: str = setting(
        "guest", key="anonymous_login_user", live=True, help="The user that ANONYMOUS stands for."
    )
    anonymous_password: str = setting(
        "guest", key="anonymous_login_pass", secret=True, live=True, help="Its password."
    )
    tracks_sources: bool = setting(
        False,
        key="track_auth_attempt_source",
        help="Logins are counted by address and user, too; `rabbitmq-diagnostics"
        " enable_auth_attempt_source_tracking` does so until the node stops.",
    )
