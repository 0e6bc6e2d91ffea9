"""Runtime parameters, of a vhost and global."""

from __future__ import annotations

from tests.conformance.http.cases import Section, Step, at, delete, get, head, put
from tests.conformance.http.sections.exchanges import BROKEN, WRONG

VHOST = "hw-parameters"
VALUES: tuple[object, ...] = (
    *({"max-queues": 5}, {"max-connections": 5, "max-queues": 6}, {"max-queues": -1}, {}, []),
    *({"max-queues": -2}, {"max-queues": "5"}, {"nonsense": 1}, {"max-queues": None}, 1, "x", None),
)


def _parameters() -> list[Step]:
    limits = at("parameters", "vhost-limits", VHOST, "limits")
    policy = at("parameters", "operator_policy", VHOST, "p")
    steps: list[Step] = [
        get("/parameters", user="hw-policymaker"),
        get(at("parameters", "vhost-limits"), user="hw-policymaker"),
        get(at("parameters", "vhost-limits", VHOST)),
        get(limits),
        head(limits),
        delete(limits),
    ]
    for value in VALUES:
        steps += [put(limits, {"value": value}), get(limits)]
    steps += [
        put(limits, {"value": {"max-queues": 9}}),
        put(limits, {"value": {"max-queues": 9}, "component": "other", "name": "x", "vhost": "y"}),
        put(limits, {}),
        *(put(limits, text) for text in BROKEN),
        get("/parameters", user="hw-policymaker"),
        get(at("parameters", "vhost-limits"), user="hw-policymaker"),
        get(at("parameters", "vhost-limits", VHOST)),
        get(at("parameters", "nonsense")),
        get(at("parameters", "nonsense", VHOST)),
        get(at("parameters", "vhost-limits", "hw-missing")),
        get(at("parameters", "vhost-limits", "hw-missing", "limits")),
        put(at("parameters", "vhost-limits", "hw-missing", "limits"), {"value": {}}),
        delete(at("parameters", "vhost-limits", "hw-missing", "limits")),
        put(at("parameters", "nonsense", VHOST, "x"), {"value": 1}),
        put(at("parameters", "policy", VHOST, "x"), {"value": {}}),
        put(policy, {"value": {"pattern": "x", "definition": {}}}),
        put(at("parameters", "shovel", VHOST, "x"), {"value": {}}),
        put(at("parameters", "federation-upstream", VHOST, "x"), {"value": {"uri": "amqp://"}}),
        put(at("parameters", "vhost-limits", VHOST, "other"), {"value": {"max-queues": 1}}),
        get(at("parameters", "vhost-limits", VHOST)),
        delete(at("parameters", "vhost-limits", VHOST, "other")),
        get(at("parameters", "nonsense", VHOST, "x")),
        delete(at("parameters", "nonsense", VHOST, "x")),
        delete(limits),
        delete(limits),
        get(limits),
    ]
    return steps


def _global() -> list[Step]:
    path = at("global-parameters", "hw-one")
    steps: list[Step] = [get(path), head(path), delete(path)]
    for value in (*WRONG, {"a": {"b": [1, {"c": None}]}}, 2**70, "größe"):
        steps += [put(path, {"value": value}), get(path)]
    steps += [
        put(path, {"value": 1, "name": "other", "nonsense": 2}),
        put(path, {}),
        put(path, {"nonsense": 1}),
        *(put(path, text) for text in BROKEN),
        put(at("global-parameters", "hw-a/b ö"), {"value": 1}),
        get(at("global-parameters", "hw-a/b ö")),
        delete(at("global-parameters", "hw-a/b ö")),
        put(at("global-parameters", "hw-two"), {"value": "2"}),
        get("/global-parameters", is_unordered=True),
        get("/global-parameters?columns=name,value", is_unordered=True),
        get("/global-parameters?sort=name&sort_reverse=true"),
        get("/global-parameters", user="hw-management"),
        get("/global-parameters", user="hw-policymaker", is_unordered=True),
        put(path, {"value": 3}, user="hw-policymaker"),
        put(path, {"value": 3}, user="hw-monitoring"),
        delete(path, user="hw-outside-policymaker"),
        delete(path),
        delete(at("global-parameters", "hw-two")),
        get(path),
    ]
    return steps


def sections() -> list[Section]:
    return [Section("parameters", _parameters()), Section("global-parameters", _global())]
