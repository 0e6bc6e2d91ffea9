"""Health checks."""

from __future__ import annotations

from tests.conformance.http.cases import Section, Step, at, get, put

PROTOCOLS = (
    *("amqp", "AMQP", "amqp091", "amqp0-9-1", "amqp0.9.1", "amqp0_9_1", "amqp10", "amqp1.0"),
    *("amqps", "amqp/ssl", "mqtt", "mqtts", "stomp", "http", "https", "management", "http_api"),
    *("cli", "distribution", "clustering", "web-mqtt", "webstomp", "nonsense", "ui"),
)
PORTS = ("1", "0", "-1", "x", "", "65536", "1.5", "99999999999")
EXPIRATIONS = (
    *(
        ("1", "days"),
        ("1", "weeks"),
        ("1", "months"),
        ("1", "years"),
        ("0", "days"),
        ("-1", "days"),
    ),
    *(("1", "day"), ("1", "nonsense"), ("x", "weeks"), ("x", "nonsense"), ("1.5", "weeks")),
    *(("1", "Weeks"), ("1", "WEEKS"), ("99999999999", "years")),
)


def sections() -> list[Section]:
    vhost = "hw-health"
    steps: list[Step] = [
        put(
            at("queues", vhost, "quorum"),
            {"durable": True, "arguments": {"x-queue-type": "quorum"}},
        ),
        *(
            get(f"/health/checks/{check}", user=user)
            for check in (
                *("alarms", "local-alarms", "virtual-hosts", "node-is-mirror-sync-critical"),
                *("node-is-quorum-critical", "nonsense", ""),
            )
            for user in ("guest", "hw-management", "hw-none", "")
        ),
        *(get(at("health", "checks", "protocol-listener", name)) for name in PROTOCOLS),
        *(get(at("health", "checks", "port-listener", port)) for port in PORTS),
        *(get(at("health", "checks", "certificate-expiration", *of)) for of in EXPIRATIONS),
        get("/health/checks/certificate-expiration/1"),
        get("/health/checks/protocol-listener"),
        get("/health/checks/port-listener"),
        get("/healthchecks/node"),
        get("/healthchecks/node/<node>"),
        get("/healthchecks/node/missing@localhost"),
        get("/healthchecks/node/nonsense"),
        get("/healthchecks/node", user="hw-management"),
        get("/healthchecks/node", user="hw-outsider"),
        get("/healthchecks/node?timeout=1"),
        get("/healthchecks"),
        get(at("aliveness-test", vhost)),
        get(at("aliveness-test", vhost), user="hw-management"),
        get(at("aliveness-test", vhost), user="hw-administrator"),
        get(at("aliveness-test", vhost), user="hw-outsider"),
    ]
    return [Section("health", steps)]
