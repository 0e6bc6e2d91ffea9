"""Policies and operator policies: each key with good and bad values, and where they take hold."""

from __future__ import annotations

from tests.conformance.http.cases import Section, Settled, Step, at, delete, get, head, put
from tests.conformance.http.sections.exchanges import BROKEN, WRONG

VHOST = "hw-policies"
KEYS: dict[str, tuple[object, ...]] = {
    "max-length": (0, 1, -1, "1", 1.5, None, True),
    "max-length-bytes": (0, 1, -1, "1", None),
    "max-in-memory-length": (0, 1, -1, "1"),
    "max-in-memory-bytes": (0, 1, -1, "1"),
    "message-ttl": (0, 1, -1, "1", 2**40),
    "expires": (0, 1, -1, "1", 2**40),
    "delivery-limit": (0, 1, -1, "1"),
    "dead-letter-exchange": ("dlx", "", 1, None),
    "dead-letter-routing-key": ("key", "", 1),
    "dead-letter-strategy": ("at-most-once", "at-least-once", "nonsense", 1),
    "alternate-exchange": ("ae", "", 1, None),
    "overflow": ("drop-head", "reject-publish", "reject-publish-dlx", "nonsense", 1),
    "queue-mode": ("default", "lazy", "nonsense", 1),
    "queue-version": (1, 2, 3, "1"),
    "queue-master-locator": ("min-masters", "client-local", "random", "nonsense", 1),
    "queue-leader-locator": ("balanced", "client-local", "random", "nonsense", 1),
    "max-age": ("1h", "1X", "", 1),
    "stream-max-segment-size-bytes": (1000, 0, -1, "1"),
    "stream-filter-size-bytes": (16,),
    "ha-mode": ("all", "exactly", "nodes", "nonsense", 1),
    "ha-params": (1, "x"),
    "ha-sync-mode": ("automatic", "manual", "nonsense"),
    "ha-promote-on-shutdown": ("always", "when-synced", "nonsense"),
    "ha-promote-on-failure": ("always", "when-synced", "nonsense"),
    "ha-sync-batch-size": (1, 0, "x"),
    "consumer-timeout": (1000, 0, "x"),
    "max-priority": (5,),
    "federation-upstream-set": ("all",),
    "nonsense": (1,),
}
FIELDS = ("pattern", "definition", "priority", "apply-to")
GOOD = {"pattern": "^p", "definition": {"max-length": 5}, "priority": 1, "apply-to": "queues"}


def _of(kind: str, vhost: str) -> list[Step]:
    """kind: the first part of the path."""

    def path(*names: str) -> str:
        return at(kind, vhost, *names)

    one = path("one")
    steps: list[Step] = [
        get(path()),
        get(one),
        head(one),
        delete(one),
        put(one, GOOD),
        put(one, GOOD),
    ]
    steps += [get(one), head(one), get(path())]
    for key, values in KEYS.items():
        steps += [put(one, {"pattern": "^p", "definition": {key: value}}) for value in values]
    for field in FIELDS:
        steps += [put(one, {**GOOD, field: value}) for value in WRONG]
        steps += [put(one, {key: value for key, value in GOOD.items() if key != field})]
    steps += [
        *(
            put(one, {**GOOD, "pattern": pattern})
            for pattern in ("(", "[", "*", "a{2", "ä", "", ".*")
        ),
        *(
            put(one, {**GOOD, "apply-to": value})
            for value in ("all", "exchanges", "queues", "classic_queues", "streams", "", "Queues")
        ),
        *(put(one, {**GOOD, "priority": value}) for value in (0, -1, 2**40, "1", 1.0)),
        *(put(one, text) for text in BROKEN),
        put(one),
        put(one, {**GOOD, "name": "other", "vhost": "/", "nonsense": 1}),
        put(
            one,
            {**GOOD, "definition": {"max-length": 1, "message-ttl": 2, "overflow": "drop-head"}},
        ),
        put(one, {**GOOD, "definition": {"max-length": -1, "message-ttl": -2, "nonsense": 3}}),
        put(one, {**GOOD, "definition": {"ha-mode": "exactly", "ha-params": 2}}),
        put(one, {**GOOD, "definition": {"ha-mode": "all", "ha-params": 2}}),
        put(one, {**GOOD, "definition": {"ha-mode": "nodes", "ha-params": ["a"]}}),
        put(one, {**GOOD, "definition": {"ha-params": 2}}),
        get(one),
        put(at(kind, "hw-missing", "one"), GOOD),
        get(at(kind, "hw-missing")),
        get(at(kind, "hw-missing", "one")),
        delete(at(kind, "hw-missing", "one")),
        get(path("missing")),
        delete(path("missing")),
    ]
    return steps


def _effect() -> list[Step]:
    vhost = VHOST
    queue, exchange = at("queues", vhost, "p-queue"), at("exchanges", vhost, "p-exchange")
    shown = f"{queue}?columns=policy,operator_policy,effective_policy_definition,arguments"

    def policy(name: str, kind: str = "policies", **more: object) -> Step:
        return put(at(kind, vhost, name), {**GOOD, **more})

    return [
        put(queue, {"arguments": {"x-max-length": 100}}),
        put(
            at("queues", vhost, "p-quorum"),
            {"durable": True, "arguments": {"x-queue-type": "quorum"}},
        ),
        put(exchange, {"type": "direct"}),
        Settled((get(shown), get(exchange))),
        policy("low", priority=1, definition={"max-length": 50, "message-ttl": 1000}),
        policy("high", priority=2, definition={"max-length": 40, "expires": 10**6}),
        policy("other", pattern="^x"),
        policy(
            "exchange",
            pattern="^p",
            definition={"alternate-exchange": "ae"},
            **{"apply-to": "exchanges"},
        ),
        policy("op", "operator-policies", definition={"max-length": 10}),
        Settled((get(shown), get(exchange))),
        get(at("policies", vhost)),
        get(at("operator-policies", vhost)),
        get("/policies", user="hw-management"),
        get("/operator-policies", user="hw-management"),
        get("/policies", user="hw-policymaker"),
        get("/operator-policies", user="hw-policymaker"),
        get(f"{at('policies', vhost)}?columns=name,priority&sort=priority&sort_reverse=true"),
        get(at("parameters", "policy", vhost)),
        get(at("parameters", "operator_policy", vhost)),
        get(f"{at('queues', vhost)}?disable_stats=true&columns=name,policy,operator_policy"),
        delete(at("policies", vhost, "high")),
        Settled((get(shown),)),
        delete(at("policies", vhost, "low")),
        delete(at("operator-policies", vhost, "op")),
        Settled((get(shown),)),
        policy("all", pattern=".*", definition={"max-length": 3}, **{"apply-to": "all"}),
        Settled((get(shown), get(exchange), get(at("exchanges", vhost, "amq.topic")))),
        policy("by-user"),
        put(at("policies", vhost, "by-policymaker"), GOOD, user="hw-policymaker"),
        put(at("policies", vhost, "by-management"), GOOD, user="hw-management"),
        put(at("operator-policies", vhost, "by-policymaker"), GOOD, user="hw-policymaker"),
        delete(at("operator-policies", vhost, "missing"), user="hw-policymaker"),
        delete(at("policies", vhost, "by-policymaker"), user="hw-policymaker"),
    ]


def sections() -> list[Section]:
    return [
        Section("policies-set", _of("policies", "hw-policies-set")),
        Section("operator-policies-set", _of("operator-policies", "hw-operator-policies-set")),
        Section("policies", _effect()),
    ]
