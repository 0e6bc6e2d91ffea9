"""Who may do what: every route and method, asked by every kind of user."""

from __future__ import annotations

from tests.conformance.http.cases import (
    ABSENT,
    PASSWORD,
    USERS,
    Act,
    Case,
    Section,
    Step,
    at,
    delete,
    post,
    put,
)
from tests.conformance.http.routes import BODIES, ROUTES, TOUCHES_OTHERS, missing_in, names_in
from tests.conformance.http.stage import Stage

VHOST = "hw-access"
ASKING = (
    *("", "hw-missing:secret", "hw-management:wrong"),
    *(name for name in USERS if name != "hw-limited"),
)
ALLOWED = {"hw-administrator"}  # of these, what they may do is done


def _open(stage: Stage) -> None:
    stage.connect("walker", "hw-management")
    stage.channel("walker")
    stage.wait("/channels", lambda found: any(c["vhost"] == VHOST for c in found))
    stage.wait("/connections", lambda found: any(c.get("vhost") == VHOST for c in found))


def prepare() -> list[Step]:
    """What the names of `names_in` are names of."""
    return [
        put(at("queues", VHOST, "queue"), {}),
        put(at("exchanges", VHOST, "exchange"), {"type": "topic"}),
        put(at("exchanges", VHOST, "source"), {"type": "topic"}),
        put(at("users", "hw-victim"), {"password": PASSWORD, "tags": ""}),
        put(at("permissions", VHOST, "hw-victim"), {"configure": "", "write": "", "read": ""}),
        put(at("vhosts", f"{VHOST}-other"), {}),
        put(at("global-parameters", "hw-global"), {"value": 1}),
        put(at("policies", VHOST, "policy"), {"pattern": "^p", "definition": {"max-length": 9}}),
        put(
            at("operator-policies", VHOST, "operator"),
            {"pattern": "^p", "definition": {"max-length": 9}},
        ),
        put(at("vhost-limits", VHOST, "max-queues"), {"value": 1000}),
        post(at("bindings", VHOST, "e", "source", "q", "queue"), {"routing_key": "key"}),
        post(at("bindings", VHOST, "e", "source", "e", "exchange"), {"routing_key": "key"}),
    ]


def requests(user: str, names: dict[str, str], *, everything: bool) -> list[Step]:
    """One request for each route and method; without `everything` only those of reading."""
    found: list[Step] = []
    for route in ROUTES:
        for method in route.methods:
            key = (method, route.template)
            if method in ("HEAD", "OPTIONS") or (method != "GET" and not everything):
                continue
            if key in TOUCHES_OTHERS and user in ALLOWED:
                continue
            if key == ("DELETE", "/connections/:connection") and "<" in names["connection"]:
                continue  # it is needed to the end
            keep = "items" if method == "GET" else "status"
            body = BODIES.get(key, ABSENT)
            found.append(Case(method, route.path(names), body, user=user, keep=keep))
    return found


def sections() -> list[Section]:
    names, missing = names_in(VHOST), missing_in(VHOST)
    steps: list[Step] = [*prepare(), Act(_open)]
    for user in ASKING:
        steps += requests(user, names, everything=True)
        steps += prepare()
    for user in ("hw-management", "hw-policymaker", "hw-monitoring", "hw-administrator"):
        steps += requests(user, missing, everything=user == "hw-management")
    steps += [
        delete(at("users", "hw-victim")),
        delete(at("vhosts", f"{VHOST}-other")),
        delete(at("global-parameters", "hw-global")),
    ]
    return [Section("access", steps)]
