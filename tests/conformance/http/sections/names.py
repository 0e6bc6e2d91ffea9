"""Names with everything in them that has to be encoded, or looks as if it were."""

from __future__ import annotations

from tests.conformance.http.cases import Case, Section, Step, at, delete, get, post, put

NAMES = (
    *("a/b", "a b", "a+b", "a%b", "a%2Fb", "größe", "日本", "\U0001f600", "a?b=c", "a#b", "a&b"),
    *("a;b", "a:b", "a@b", "a,b", "a'b", 'a"b', "<b>", "a\\b", "a|b", ".", "..", "~", "*", "(a)"),
    *("[a]", "{a}", "a=b", "$a", "!", "a\tb", "a\nb", "a\x7fb", "A", "amq.default", "null", "0"),
)
ODD = "hw-names/ +%ü"


def sections() -> list[Section]:
    vhost = "hw-names"
    steps: list[Step] = [put(at("vhosts", ODD), {"description": "odd"})]
    steps += [put(at("exchanges", vhost, "x"), {"type": "topic"})]
    for name in NAMES:
        queue, exchange = at("queues", vhost, name), at("exchanges", vhost, name)
        steps += [
            put(queue, {}),
            get(f"{queue}?columns=name,vhost"),
            put(exchange, {"type": "topic"}),
            get(f"{exchange}?columns=name,vhost"),
            post(at("bindings", vhost, "e", "x", "q", name), {"routing_key": name}),
            get(at("queues", vhost, name, "bindings")),
            get(at("bindings", vhost, "e", "x", "q", name)),
            post(
                at("exchanges", vhost, "amq.default", "publish"),
                {
                    "properties": {},
                    "routing_key": name,
                    "payload": name,
                    "payload_encoding": "string",
                },
            ),
            post(
                at("queues", vhost, name, "get"),
                {"ackmode": "ack_requeue_false", "count": 1, "encoding": "auto"},
            ),
            put(
                at("policies", vhost, name),
                {"pattern": "^nothing$", "definition": {"max-length": 1}},
            ),
            get(at("policies", vhost, name)),
            delete(at("policies", vhost, name)),
            delete(queue),
            delete(exchange),
        ]
    steps += [
        # as they are, not encoded, or encoded in other ways
        put(f"/queues/{vhost}/a+b", {}),
        get(f"/queues/{vhost}/a+b?columns=name"),
        get(f"/queues/{vhost}/a%20b?columns=name"),
        get(f"/queues/{vhost}/a%2bb?columns=name"),
        get(f"/queues/{vhost}/%61%2Bb?columns=name"),
        put(f"/queues/{vhost}/a;b", {}),
        put(f"/queues/{vhost}/(a)*!'", {}),
        put(f"/queues/{vhost}/%ff", {}),
        put(f"/queues/{vhost}/%c3%28", {}),
        put(f"/queues/{vhost}/%zz", {}),
        put(f"/queues/{vhost}/%00", {}),
        put(f"/queues/{vhost}/.", {}),
        put(f"/queues/{vhost}/..", {}),
        put(f"/queues/{vhost}/a/./b", {}),
        get(f"/queues/{vhost}//"),
        get(f"/queues//{vhost}"),
        get(f"/queues/{vhost}/?columns=name"),
        get(f"/queues/{vhost}?columns=name"),
        get("/queues/%68w-names?columns=name"),
        get("/queues/HW-NAMES?columns=name"),
        # a vhost with such a name
        get(at("vhosts", ODD)),
        put(at("queues", ODD, "q"), {}),
        get(f"{at('queues', ODD, 'q')}?columns=name,vhost"),
        get(f"{at('queues', ODD)}?columns=name,vhost"),
        get(at("exchanges", ODD, "amq.topic")),
        post(at("bindings", ODD, "e", "amq.topic", "q", "q"), {"routing_key": "ä"}),
        get(at("bindings", ODD)),
        put(at("permissions", ODD, "hw-management"), {"configure": "", "write": "", "read": ""}),
        get(at("vhosts", ODD, "permissions")),
        get(at("aliveness-test", ODD)),
        Case("GET", at("definitions", ODD)),
        delete(at("vhosts", ODD)),
        get(at("vhosts", ODD)),
    ]
    return [Section("names", steps)]
