"""Virtual hosts, and their limits."""

from __future__ import annotations

from tests.conformance.http.cases import Section, Settled, Step, at, delete, get, head, post, put
from tests.conformance.http.sections.exchanges import BROKEN, WRONG

VHOST = "hw-vhosts"
NEW = "hw-vhosts-new"
LIMITS = ("max-connections", "max-queues")


def _vhosts() -> list[Step]:
    path = at("vhosts", NEW)
    named = "columns=name,description,tags,metadata,default_queue_type,tracing,cluster_state"
    return [
        get(path),
        put(path),
        put(path),
        get(path),
        head(path),
        get(f"{path}?{named}"),
        get(f"{path}?disable_stats=true"),
        get(at("vhosts", NEW, "permissions")),
        get(at("exchanges", NEW)),
        put(path, {"description": "a text", "tags": "one,two"}),
        get(f"{path}?{named}"),
        put(path, {"description": "other", "tags": ["three"], "default_queue_type": "quorum"}),
        get(f"{path}?{named}"),
        put(path, {"defaultqueuetype": "quorum"}),
        get(f"{path}?{named}"),
        put(path, {"tracing": True}),
        get(f"{path}?{named}"),
        put(path, {"tracing": False}),
        get(f"{path}?{named}"),
        put(path, {"tracing": "true"}),
        get(f"{path}?{named}"),
        put(path, {"tracing": "nonsense"}),
        put(path, {"tracing": "false"}),
        put(path, {"nonsense": 1, "name": "other"}),
        get(f"{path}?{named}"),
        delete(path),
        delete(path),
        put(path, {"description": "full", "tags": "a, b,,c", "tracing": True}),
        get(f"{path}?{named}"),
        put(path, {"tracing": False}),  # RabbitMQ remembers it of one that is gone
        delete(path),
        put(path, {"description": "", "tags": ""}),
        get(f"{path}?{named}"),
        delete(path),
        put(path, user="hw-administrator"),
        get(at("vhosts", NEW, "permissions")),
        get(at("users", "hw-administrator", "permissions")),
        put(at("queues", NEW, "q"), {}, user="hw-administrator"),
        put(at("permissions", NEW, "hw-management"), {"configure": "", "write": "", "read": ""}),
        delete(path),
        get(at("users", "hw-administrator", "permissions"), keep="items"),
        get(f"/vhosts?{named}"),
        get(f"/vhosts?{named}", user="hw-management"),
        get(f"/vhosts?{named}", user="hw-outsider"),
        get(f"/vhosts?{named}", user="hw-monitoring"),
        get("/vhosts?columns=name,tags&sort=name&sort_reverse=true"),
        get("/vhosts?disable_stats=true", user="hw-management"),
        get("/vhosts?columns=name&page=1&page_size=100", user="hw-management"),
        get("/vhosts?columns=name&page=1&name=hw-vho", user="hw-management"),
        get("/vhosts?page=0", user="hw-management"),
        get("/vhosts?msg_rates_age=-1&msg_rates_incr=5", user="hw-management"),
        Settled((get("/vhosts", user="hw-limited"), get(at("vhosts", VHOST)))),
        *(put(path, text) for text in BROKEN),
        delete(path),
        post(at("vhosts", VHOST, "start", "<node>")),
        post(at("vhosts", VHOST, "start", "<node>"), {}),
        post(at("vhosts", VHOST, "start", "nonsense")),
        post(at("vhosts", "hw-missing", "start", "<node>")),
        get(at("vhosts", "hw-missing", "permissions")),
        get(at("vhosts", "hw-missing", "topic-permissions")),
        get(at("vhosts", "hw-missing", "connections")),
        get(at("vhosts", "hw-missing", "channels")),
        get(at("vhosts", VHOST, "permissions")),
        get(at("vhosts", VHOST, "topic-permissions")),
        get(at("vhosts", VHOST, "connections")),
        get(at("vhosts", VHOST, "channels")),
    ]


def _limits() -> list[Step]:
    def path(*names: str) -> str:
        return at("vhost-limits", "hw-vhost-limits", *names)

    steps: list[Step] = [get(path()), get("/vhost-limits", user="hw-management")]
    for limit in (*LIMITS, "nonsense", "max-channels"):
        steps += [
            *(put(path(limit), {"value": value}) for value in (5, 0, -1, -2, 2**40, *WRONG)),
            *(put(path(limit), text) for text in ("", "{", "[]", {}, {"value": "5"}, "null")),
            get(path()),
        ]
    steps += [
        put(path("max-queues"), {"value": 1}),
        get("/vhost-limits", user="hw-management"),
        get("/vhost-limits", user="hw-outsider"),
        get(path(), user="hw-outsider"),
        get(path(), user="hw-monitoring"),
        put(at("queues", "hw-vhost-limits", "one"), {}),
        put(at("queues", "hw-vhost-limits", "two"), {}),
        get(at("aliveness-test", "hw-vhost-limits")),
        get(at("parameters", "vhost-limits", "hw-vhost-limits")),
        delete(path("max-queues")),
        delete(path("max-queues")),
        delete(path("nonsense")),
        get(path()),
        delete(path("max-connections")),
        get(path()),
        get(at("vhost-limits", "hw-missing")),
        put(at("vhost-limits", "hw-missing", "max-queues"), {"value": 1}),
        delete(at("vhost-limits", "hw-missing", "max-queues")),
        put(path("max-queues"), {"value": 1}, user="hw-policymaker"),
        get(at("aliveness-test", "hw-vhost-limits")),
        get(at("aliveness-test", "hw-missing")),
        get(at("aliveness-test", "hw-vhost-limits"), user="hw-limited"),
        get(at("queues", "hw-vhost-limits", "aliveness-test") + "?columns=name,arguments,durable"),
    ]
    return steps


def _wrong() -> list[Step]:
    steps: list[Step] = []
    for field in ("description", "tags", "tracing", "default_queue_type"):
        for number, value in enumerate(WRONG):
            path = at("vhosts", f"hw-vhosts-wrong-{field}-{number}")
            if value is True:
                continue  # RabbitMQ remembers the tracing of one that is gone
            steps += [put(path, {field: value}), get(f"{path}?disable_stats=true"), delete(path)]
    return steps


def sections() -> list[Section]:
    return [
        Section("vhosts", _vhosts()),
        Section("vhost-limits", _limits()),
        Section("vhosts-wrong", _wrong(), is_alone=True),
    ]
