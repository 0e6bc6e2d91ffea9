"""The settings of the HTTP API with its page, and of the metrics: their listeners, and what they
answer. The keys are those of RabbitMQ's plugins."""

from __future__ import annotations

from broker.sections import Section, numbered, part, setting
from broker.settings import one_of
from broker.transport_settings import TLS_VERSIONS, TlsOptions

PORT_MAX = 65535


class WebOptions(Section):
    """What listeners for HTTP have in common."""

    ip: str = setting("", key="ip", help="Address to listen on; empty: as `listeners.bind` says.")
    max_connections: int | None = setting(
        4096, key="max_connections", help="Connections at a time; none: no limit."
    )
    compress: bool = setting(
        True, key="compress", help="Answers are compressed for clients that take gzip."
    )
    request_timeout_ms: int = setting(
        10_000,
        key="request_timeout",
        unit="ms",
        bounds=(1, 2**31),
        help="Time for the headers of a request, from the first octet on.",
    )
    idle_timeout_ms: int = setting(
        60_000,
        key="idle_timeout",
        unit="ms",
        bounds=(1, 2**31),
        help="How long a connection is kept without a request, or while its client takes nothing of"
        " an answer; a body has so much time and a second more for each KiB.",
    )


class WebTls(WebOptions):
    """The same for HTTPS."""

    certfile: str = setting(
        "", key="certfile", help="The certificate and what is between it and its CA, PEM; a"
        " changed file is taken up within seconds. Empty: `ssl_options` are used, without verify."
    )  # fmt: skip
    keyfile: str = setting("", key="keyfile", help="Its key; empty: it is in the certfile.")
    password: str = setting("", key="password", secret=True, help="Of an encrypted key.")
    cacertfile: str = setting(
        "", key="cacertfile", help="CAs whose client certificates are believed, PEM."
    )
    verify: str = setting(
        "verify_none",
        key="verify",
        choices=("verify_peer", "verify_none"),
        help="Whether clients are asked for a certificate, which is then verified.",
    )
    fail_if_no_peer_cert: bool = setting(
        False,
        key="fail_if_no_peer_cert",
        help="With verify_peer: whoever has no certificate is turned away.",
    )
    depth: int = setting(
        10,
        key="depth",
        bounds=(0, 255),
        help="Intermediate certificates allowed between a client's and its CA.",
    )
    versions: tuple[tuple[str, str], ...] = numbered(
        ("tlsv1.3", "tlsv1.2"),
        key="versions",
        check=one_of(*TLS_VERSIONS),
        help="Of the protocol: tlsv1.3, tlsv1.2, tlsv1.1, tlsv1.",
    )
    ciphers: tuple[tuple[str, str], ...] = numbered(
        (),
        key="ciphers",
        help="Cipher suites by OpenSSL's names, best first; empty: OpenSSL's choice.",
    )
    honor_cipher_order: bool = setting(
        False,
        key="honor_cipher_order",
        help="The node's order of cipher suites counts, not the client's.",
    )

    def options(self, node: TlsOptions) -> TlsOptions:
        """What such a listener speaks. node: ssl_options, for one without a certificate."""
        if not self.certfile:  # RabbitMQ, likewise
            return node.replace(verify="verify_none", fail_if_no_peer_cert=False)
        return TlsOptions(
            certfile=self.certfile,
            keyfile=self.keyfile,
            password=self.password,
            cacertfile=self.cacertfile,
            verify=self.verify,
            fail_if_no_peer_cert=self.fail_if_no_peer_cert,
            depth=self.depth,
            versions=self.versions,
            ciphers=self.ciphers,
            honor_cipher_order=self.honor_cipher_order,
            handshake_timeout_ms=node.handshake_timeout_ms,
        )


class Management(Section):
    """The HTTP API and its page."""

    enabled: bool = setting(
        True, key="management.enabled", help="Whether the HTTP API is listened for."
    )
    port: int | None = setting(
        None,
        key="management.tcp.port",
        bounds=(0, PORT_MAX),
        help="HTTP API and page; 0: a free port; none: 15672, but nowhere if only HTTPS is set up.",
    )
    tcp: WebOptions = part(WebOptions, "management.tcp")
    tls_port: int | None = setting(
        None,
        key="management.ssl.port",
        bounds=(0, PORT_MAX),
        help="The same over HTTPS; none: 15671 if there is any other management.ssl setting.",
    )
    tls: WebTls = part(WebTls, "management.ssl")
    max_body_size: int = setting(
        10_000_000,
        key="management.http.max_body_size",
        unit="bytes",
        bounds=(1, 2**31 - 1),
        help="Largest body of a request.",
    )
    path_prefix: str = setting(
        "", key="management.path_prefix", help="What all paths begin with, as /rabbitmq."
    )
    cors_origins: tuple[tuple[str, str], ...] = numbered(
        (),
        key="management.cors.allow_origins",
        help="Pages of other origins that may use the HTTP API: `management.cors.allow_origins.1`"
        " and so on; `*`: all.",
    )
    cors_max_age_s: int | None = setting(
        1800,
        key="management.cors.max_age",
        unit="s",
        help="How long a browser may remember that; none: it is not told.",
    )
    csp: str = setting(
        "script-src 'self' 'unsafe-eval' 'unsafe-inline'; object-src 'self'",
        key="management.csp.policy",
        help="Header Content-Security-Policy; empty: none.",
    )
    hsts: str = setting(
        "", key="management.hsts.policy", help="Header Strict-Transport-Security; empty: none."
    )
    login_session_min: int = setting(
        480,
        key="management.login_session_timeout",
        unit="min",
        help="Accepted and without effect: the page forgets a login with its tab.",
    )
    login_failures_max: int | None = setting(
        20,
        key="management.login_failures_max",
        help="Logins of a user from one address that may fail in a minute before he has to wait;"
        " ten times as many of all users; none: any.",
    )
    disable_stats: bool = setting(
        False,
        key="management.disable_stats",
        help="Serve definitions only: no rates and no samples are kept.",
    )
    rates_mode: str = setting(
        "basic",
        key="management.rates_mode",
        live=True,
        choices=("basic", "detailed", "none"),
        help="Rates that are kept: of objects (basic), also of pairs of them (detailed), or none.",
    )
    statistics_interval_ms: int = setting(
        5_000,
        key="collect_statistics_interval",
        unit="ms",
        bounds=(100, 2**31),
        help="Time between two samples.",
    )

    @property
    def ports(self) -> tuple[int | None, int | None]:
        """For HTTP and HTTPS; None: it is not listened for. RabbitMQ: rabbit_mgmt_app."""
        if not self.enabled:
            return None, None
        return _ports(self.port, self.tls_port, self.tls, (15672, 15671))


class Prometheus(Section):
    """The metrics."""

    enabled: bool = setting(
        True, key="prometheus.enabled", help="Whether metrics are listened for."
    )
    port: int | None = setting(
        None,
        key="prometheus.tcp.port",
        bounds=(0, PORT_MAX),
        help="Metrics; 0: a free port; none: 15692, but nowhere if only HTTPS is set up.",
    )
    tcp: WebOptions = part(WebOptions, "prometheus.tcp")
    tls_port: int | None = setting(
        None,
        key="prometheus.ssl.port",
        bounds=(0, PORT_MAX),
        help="The same over HTTPS; none: 15691 if there is any other prometheus.ssl setting.",
    )
    tls: WebTls = part(WebTls, "prometheus.ssl")
    path: str = setting("/metrics", key="prometheus.path", help="Where they are.")
    per_object: bool = setting(
        False,
        key="prometheus.return_per_object_metrics",
        help="That path has metrics of every object, not their sums.",
    )

    @property
    def ports(self) -> tuple[int | None, int | None]:
        """For HTTP and HTTPS; None: it is not listened for."""
        if not self.enabled:
            return None, None
        return _ports(self.port, self.tls_port, self.tls, (15692, 15691))


def _ports(
    port: int | None, tls_port: int | None, tls: WebTls, usual: tuple[int, int]
) -> tuple[int | None, int | None]:
    """Who sets up HTTPS only does not want to be talked to without."""
    if tls_port is None and tls != WebTls():
        tls_port = usual[1]
    if port is None and tls_port is None:
        port = usual[0]
    return port, tls_port
