"""Health checks."""

from __future__ import annotations

from broker.management.openapi.forms import (
    ANYTHING,
    Answer,
    Operation,
    Paths,
    Schema,
    by_name,
    choice,
    each,
    ref,
    shape,
    text,
    whole,
)

TAG = "Health"
ABOUT = "For load balancers, and whoever watches: 200 if all is well, 503 if not."

SHAPES: dict[str, Schema] = {
    "Healthy": shape(
        "All is well.",
        {"status": choice("ok")},
        {"reason": text(), "port": whole(), "protocol": text()},
    ),
    "Unhealthy": shape(
        "Something is wrong.",
        {"status": choice("failed"), "reason": text("In words.")},
        {
            "alarms": each(shape("", {"resource": text(), "node": text()})),
            "missing": {"type": ["integer", "string"], "description": "Nobody listens there."},
            "ports": each(whole(), "Where somebody listens."),
            "protocols": each(text(), "What somebody listens for."),
            "expired": each(by_name(ANYTHING), "Certificates."),
            "connections": whole(),
        },
    ),
}


def _check(summary: str, about: str = "") -> dict[str, Operation]:
    answers = {
        200: Answer("All is well.", ref("Healthy")),
        503: Answer("Something is wrong.", ref("Unhealthy")),
    }
    return {"GET": Operation(summary, about, answers=answers)}


_CHECKS = "/health/checks"

PATHS: Paths = {
    "/aliveness-test/:vhost": _check(
        "Whether a message gets through a vhost",
        "Declares the queue `aliveness-test`, publishes and gets. The queue stays.",
    ),
    "/healthchecks/node": _check("Whether the node is well", "Deprecated: it looks for alarms."),
    "/healthchecks/node/:node": _check("Whether a node is well", "Deprecated, as the other."),
    f"{_CHECKS}/alarms": _check("Whether there are no alarms in the cluster"),
    f"{_CHECKS}/local-alarms": _check("Whether there are no alarms on this node"),
    f"{_CHECKS}/certificate-expiration/:within/:unit": _check(
        "Whether the certificates of all listeners are good for some time"
    ),
    f"{_CHECKS}/port-listener/:port": _check("Whether somebody listens on a port"),
    f"{_CHECKS}/protocol-listener/:protocol": _check("Whether somebody listens for a protocol"),
    f"{_CHECKS}/virtual-hosts": _check("Whether all vhosts run"),
    f"{_CHECKS}/node-is-mirror-sync-critical": _check(
        "Whether mirrors could go on without this node", "A single node is not critical."
    ),
    f"{_CHECKS}/node-is-quorum-critical": _check(
        "Whether quorum queues could go on without this node", "A single node is not critical."
    ),
    f"{_CHECKS}/is-in-service": _check("Whether the node takes connections"),
    f"{_CHECKS}/below-node-connection-limit": _check("Whether there may be one more connection"),
    f"{_CHECKS}/ready-to-serve-clients": _check(
        "Whether clients are served", "It is in service, has room, and listens for AMQP."
    ),
}
