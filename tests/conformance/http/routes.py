"""Every route of the API: its methods, and names to fill it with, of what is there and what is not.

Facts from RabbitMQ 3.10.8's table of routes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

READ = ("HEAD", "GET", "OPTIONS")
ALL = ("HEAD", "GET", "PUT", "DELETE", "OPTIONS")
EVERY_METHOD = ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH")


@dataclass(frozen=True, slots=True)
class Route:
    """template: with `:name` for what is filled in. methods: in the order of its Allow header."""

    template: str
    methods: tuple[str, ...] = READ

    def path(self, names: dict[str, str]) -> str:
        """Filled in, `names` being percent-encoded on the way."""
        return re.sub(r":([a-z]+)", lambda found: quote(names[found[1]], safe="<>"), self.template)


ROUTES = [
    Route("/overview"),
    Route("/cluster-name", ("HEAD", "GET", "PUT", "OPTIONS")),
    Route("/nodes"),
    Route("/nodes/:node"),
    Route("/nodes/:node/memory"),
    Route("/nodes/:node/memory/relative"),
    Route("/nodes/:node/memory/ets"),
    Route("/nodes/:node/memory/ets/relative"),
    Route("/nodes/:node/memory/ets/:filter"),
    Route("/nodes/:node/memory/ets/:filter/relative"),
    Route("/extensions"),
    Route("/all-configuration", ("HEAD", "GET", "POST", "OPTIONS")),
    Route("/definitions", ("HEAD", "GET", "POST", "OPTIONS")),
    Route("/definitions/:vhost", ("HEAD", "GET", "POST", "OPTIONS")),
    Route("/parameters"),
    Route("/parameters/:component"),
    Route("/parameters/:component/:vhost"),
    Route("/parameters/:component/:vhost/:name", ALL),
    Route("/global-parameters"),
    Route("/global-parameters/:global", ALL),
    Route("/policies"),
    Route("/policies/:vhost"),
    Route("/policies/:vhost/:policy", ALL),
    Route("/operator-policies"),
    Route("/operator-policies/:vhost"),
    Route("/operator-policies/:vhost/:operator", ALL),
    Route("/vhost-limits", ("GET", "OPTIONS")),
    Route("/vhost-limits/:vhost", ("GET", "OPTIONS")),
    Route("/vhost-limits/:vhost/:limit", ("PUT", "DELETE", "OPTIONS")),
    Route("/connections"),
    Route("/connections/:connection", ("HEAD", "GET", "DELETE", "OPTIONS")),
    Route("/connections/username/:user", ("HEAD", "GET", "DELETE", "OPTIONS")),
    Route("/connections/:connection/channels"),
    Route("/channels"),
    Route("/channels/:channel"),
    Route("/consumers"),
    Route("/consumers/:vhost"),
    Route("/exchanges"),
    Route("/exchanges/:vhost"),
    Route("/exchanges/:vhost/:exchange", ALL),
    Route("/exchanges/:vhost/:exchange/publish", ("POST", "OPTIONS")),
    Route("/exchanges/:vhost/:exchange/bindings/source"),
    Route("/exchanges/:vhost/:exchange/bindings/destination"),
    Route("/queues"),
    Route("/queues/:vhost"),
    Route("/queues/:vhost/:queue", ALL),
    Route("/queues/:vhost/:queue/bindings"),
    Route("/queues/:vhost/:queue/contents", ("DELETE", "OPTIONS")),
    Route("/queues/:vhost/:queue/get", ("POST", "OPTIONS")),
    Route("/queues/:vhost/:queue/actions", ("POST", "OPTIONS")),
    Route("/bindings"),
    Route("/bindings/:vhost"),
    Route("/bindings/:vhost/e/:source/q/:queue", ("HEAD", "GET", "POST", "OPTIONS")),
    Route("/bindings/:vhost/e/:source/e/:exchange", ("HEAD", "GET", "POST", "OPTIONS")),
    Route("/bindings/:vhost/e/:source/q/:queue/:props", ("HEAD", "GET", "DELETE", "OPTIONS")),
    Route("/bindings/:vhost/e/:source/e/:exchange/:props", ("HEAD", "GET", "DELETE", "OPTIONS")),
    Route("/vhosts"),
    Route("/vhosts/:other", ALL),
    Route("/vhosts/:vhost/start/:node", ("POST", "OPTIONS")),
    Route("/vhosts/:vhost/permissions"),
    Route("/vhosts/:vhost/topic-permissions"),
    Route("/vhosts/:vhost/connections"),
    Route("/vhosts/:vhost/channels"),
    Route("/users"),
    Route("/users/bulk-delete", ("POST", "OPTIONS")),
    Route("/users/without-permissions"),
    Route("/users/:victim", ALL),
    Route("/users/:user/permissions"),
    Route("/users/:user/topic-permissions"),
    Route("/user-limits", ("GET", "OPTIONS")),
    Route("/user-limits/:user", ("GET", "OPTIONS")),
    Route("/user-limits/:user/:limit", ("PUT", "DELETE", "OPTIONS")),
    Route("/feature-flags"),
    Route("/feature-flags/:flag/enable", ("PUT", "OPTIONS")),
    Route("/whoami"),
    Route("/permissions"),
    Route("/permissions/:vhost/:victim", ALL),
    Route("/topic-permissions"),
    Route("/topic-permissions/:vhost/:victim", ALL),
    Route("/topic-permissions/:vhost/:victim/:exchange", ALL),
    Route("/aliveness-test/:vhost"),
    Route("/healthchecks/node"),
    Route("/healthchecks/node/:node"),
    Route("/health/checks/alarms"),
    Route("/health/checks/local-alarms"),
    Route("/health/checks/certificate-expiration/:within/:unit"),
    Route("/health/checks/port-listener/:port"),
    Route("/health/checks/protocol-listener/:protocol"),
    Route("/health/checks/virtual-hosts"),
    Route("/health/checks/node-is-mirror-sync-critical"),
    Route("/health/checks/node-is-quorum-critical"),
    Route("/reset", ("DELETE", "OPTIONS")),
    Route("/reset/:node", ("DELETE", "OPTIONS")),
    Route("/rebalance/queues", ("POST", "OPTIONS")),
    Route("/auth"),
    Route("/auth/attempts/:node", ("HEAD", "GET", "DELETE", "OPTIONS")),
    Route("/auth/attempts/:node/source", ("HEAD", "GET", "DELETE", "OPTIONS")),
    Route("/login", ("POST", "OPTIONS")),
]
# What would touch others who use the broker, or end what the walk stands on.
TOUCHES_OTHERS = {
    *(("DELETE", "/reset"), ("DELETE", "/reset/:node"), ("PUT", "/cluster-name")),
    *(("DELETE", "/auth/attempts/:node"), ("DELETE", "/auth/attempts/:node/source")),
    *(("POST", "/rebalance/queues"), ("DELETE", "/connections/username/:user")),
}


def names_in(vhost: str) -> dict[str, str]:
    """Of what the sections about routes have."""
    return {
        "vhost": vhost,
        "node": "<node>",
        "filter": "rabbit",
        "component": "vhost-limits",
        "name": "limits",
        "global": "hw-global",
        "policy": "policy",
        "operator": "operator",
        "limit": "max-connections",
        "connection": "<walker>",
        "channel": "<walker> (1)",
        "user": "hw-management",
        "exchange": "exchange",
        "queue": "queue",
        "source": "source",
        "props": "key",
        "other": f"{vhost}-other",
        "victim": "hw-victim",
        "flag": "quorum_queue",
        "within": "1",
        "unit": "weeks",
        "port": "5",
        "protocol": "amqp",
    }


def missing_in(vhost: str) -> dict[str, str]:
    """Nothing is called like this."""
    return dict.fromkeys(names_in(vhost), "hw-missing") | {
        "node": "missing@localhost",
        "props": "missing",
    }


# What a PUT or POST of a route needs to be good.
BODIES: dict[tuple[str, str], object] = {
    ("PUT", "/cluster-name"): {"name": "hw-cluster"},
    ("POST", "/all-configuration"): {},
    ("POST", "/definitions"): {},
    ("POST", "/definitions/:vhost"): {},
    ("PUT", "/parameters/:component/:vhost/:name"): {"value": {"max-queues": 1000}},
    ("PUT", "/global-parameters/:global"): {"value": {"a": 1}},
    ("PUT", "/policies/:vhost/:policy"): {"pattern": "^p", "definition": {"max-length": 9}},
    ("PUT", "/operator-policies/:vhost/:operator"): {
        "pattern": "^p",
        "definition": {"max-length": 9},
    },
    ("PUT", "/vhost-limits/:vhost/:limit"): {"value": 100},
    ("PUT", "/exchanges/:vhost/:exchange"): {"type": "topic"},
    ("POST", "/exchanges/:vhost/:exchange/publish"): {
        "properties": {},
        "routing_key": "nowhere",
        "payload": "hello",
        "payload_encoding": "string",
    },
    ("PUT", "/queues/:vhost/:queue"): {},
    ("POST", "/queues/:vhost/:queue/get"): {
        "ackmode": "ack_requeue_true",
        "count": 1,
        "encoding": "auto",
    },
    ("POST", "/queues/:vhost/:queue/actions"): {"action": "sync"},
    ("POST", "/bindings/:vhost/e/:source/q/:queue"): {"routing_key": "key"},
    ("POST", "/bindings/:vhost/e/:source/e/:exchange"): {"routing_key": "key"},
    ("PUT", "/vhosts/:other"): {},
    ("POST", "/vhosts/:vhost/start/:node"): {},
    ("POST", "/users/bulk-delete"): {"users": ["hw-nobody"]},
    ("PUT", "/users/:victim"): {"password": "x", "tags": ""},
    ("PUT", "/user-limits/:user/:limit"): {"value": 100},
    ("PUT", "/feature-flags/:flag/enable"): {},
    ("PUT", "/permissions/:vhost/:victim"): {"configure": "", "write": "", "read": ""},
    ("PUT", "/topic-permissions/:vhost/:victim"): {"exchange": "", "write": "", "read": ""},
    ("PUT", "/topic-permissions/:vhost/:victim/:exchange"): {
        "exchange": "",
        "write": "",
        "read": "",
    },
    ("POST", "/rebalance/queues"): {},
}
