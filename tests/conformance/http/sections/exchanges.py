"""Exchanges: declared, declared again, with bad arguments, listed, deleted."""

from __future__ import annotations

from tests.conformance.http.cases import Section, Step, at, delete, get, head, post, put

VHOST = "hw-exchanges"
WRONG: tuple[object, ...] = (None, 1, 1.5, True, "text", "", [], ["a"], {}, {"a": 1})
BROKEN = ("", "{", "[", "null", "[]", '"text"', "1", "true", "{]", "\x00", b"\xff\xfe", '{"a":1}x')


def _path(*names: str) -> str:
    return at("exchanges", VHOST, *names)


def sections() -> list[Section]:
    steps: list[Step] = [get(_path(), user="hw-management")]
    for kind in ("direct", "fanout", "topic", "headers"):
        steps += [
            put(_path(kind), {"type": kind}),
            put(_path(kind), {"type": kind}),
            get(_path(kind)),
            put(_path(kind), {"type": "direct" if kind != "direct" else "topic"}),
        ]
    full = {
        "type": "topic",
        "durable": False,
        "auto_delete": True,
        "internal": True,
        "arguments": {
            "alternate-exchange": "fanout",
            "x": 1,
            "y": {"z": [1, "a", True, 1.5]},
        },
    }
    steps += [
        put(_path("full"), full),
        get(_path("full")),
        put(_path("full"), full),
        put(_path("full"), {**full, "durable": True}),
        put(_path("full"), {**full, "auto_delete": False}),
        put(_path("full"), {**full, "internal": False}),
        put(_path("full"), {**full, "arguments": {}}),
        put(_path("full"), {**full, "arguments": {"alternate-exchange": "direct"}}),
        put(_path("strings"), {"type": "direct", "durable": "true", "auto_delete": "false"}),
        get(_path("strings")),
        put(_path("more"), {"type": "direct", "nonsense": 1, "name": "other", "vhost": "/"}),
        get(_path("more")),
        put(_path("transient"), {"type": "direct", "durable": False}),
        get(_path("transient")),
        put(_path("null"), {"type": "direct", "arguments": {"x": None}}),
        put(_path("null"), {"type": "direct", "arguments": {"x": [None]}}),
        put(_path("null"), {"type": "direct", "arguments": {"x": {"y": None}}}),
        put(_path("by-node"), {"type": "direct", "node": "missing@localhost"}),
        put(_path("with-node"), {"type": "direct", "node": "nowhere"}),
        put(_path("passive"), {"type": "direct", "passive": True}),
        put(_path("direct"), {"type": "direct", "passive": True}),
        put(_path("x" * 255), {"type": "direct"}),
        put(_path("x" * 256), {"type": "direct"}),
        put(_path("amq.mine"), {"type": "direct"}),
        put(_path("amq.direct"), {"type": "direct"}),
        put(_path("amq.direct"), {"type": "fanout"}),
        put(_path("amq.default"), {"type": "direct"}),
        put(_path("no-type"), {}),
        put(_path("no-body")),
        put(_path("unknown"), {"type": "nonsense"}),
        put(_path("empty-type"), {"type": ""}),
        put(_path("plugin"), {"type": "x-consistent-hash"}),
    ]
    for field in ("type", "durable", "auto_delete", "internal", "arguments"):
        for number, value in enumerate(WRONG):
            path = _path(f"wrong-{field}-{number}")
            steps += [put(path, {"type": "direct", field: value}), delete(path)]
    steps += [put(_path("broken"), text) for text in BROKEN]
    steps += [
        put(_path("arguments"), {"type": "direct", "arguments": {"alternate-exchange": value}})
        for value in (1, True, None, [], {}, "nowhere", "")
    ]
    steps += [
        delete(_path("arguments")),
        head(_path("direct")),
        head(_path("missing")),
        get(_path("missing")),
        get(at("exchanges", "hw-missing")),
        get(at("exchanges", "hw-missing", "direct")),
        put(at("exchanges", "hw-missing", "direct"), {"type": "direct"}),
        get(_path("")),
        get(_path("amq.default")),
        get(_path("amq.topic")),
        get(_path("amq.default", "bindings", "source")),
        get(_path("amq.default", "bindings", "destination")),
        get(_path("missing", "bindings", "source")),
        get(_path("missing", "bindings", "destination")),
        get(at("exchanges", "hw-missing", "direct", "bindings", "source")),
        get(f"{_path('direct')}?columns=name,type"),
        get(f"{_path('direct')}?columns=arguments.x"),
        get(f"{_path('full')}?columns=arguments.x,arguments.y.z"),
        get(f"{_path('direct')}?disable_stats=true"),
        get(f"{_path('direct')}?msg_rates_age=60&msg_rates_incr=5"),
        get(f"{_path('direct')}?msg_rates_age=0&msg_rates_incr=5"),
        get(_path()),
        # used by a binding
        put(at("queues", VHOST, "queue"), {}),
        post(at("bindings", VHOST, "e", "direct", "q", "queue"), {}),
        post(at("bindings", VHOST, "e", "direct", "e", "fanout"), {"routing_key": "a"}),
        delete(f"{_path('direct')}?if-unused=true"),
        delete(f"{_path('direct')}?if-unused=false"),
        delete(f"{_path('fanout')}?if-unused=true"),
        delete(f"{_path('topic')}?if-unused=nonsense"),
        delete(_path("headers"), '{"if-unused": true}'),
        delete(_path("headers")),
        delete(_path("amq.direct")),
        delete(_path("amq.rabbitmq.trace")),
        delete(_path("amq.default")),
        delete(_path("")),
        delete(at("exchanges", "hw-missing", "direct")),
        # auto-delete goes with its last binding
        post(at("bindings", VHOST, "e", "full", "q", "queue"), {"routing_key": "k"}),
        put(_path("auto"), {"type": "direct", "auto_delete": True}),
        post(at("bindings", VHOST, "e", "auto", "q", "queue"), {"routing_key": "k"}),
        get(_path("auto", "bindings", "source")),
        delete(at("bindings", VHOST, "e", "auto", "q", "queue", "k")),
        get(_path("auto")),
        get(_path(), user="hw-limited"),
        put(_path("own-1"), {"type": "direct"}, user="hw-limited"),
        put(_path("foreign"), {"type": "direct"}, user="hw-limited"),
        put(
            _path("own-2"),
            {"type": "direct", "arguments": {"alternate-exchange": "x"}},
            user="hw-limited",
        ),
        delete(_path("own-1"), user="hw-limited"),
        delete(_path("strings"), user="hw-limited"),
        delete(_path("strings"), user="hw-administrator"),
        put(_path("by-admin"), {"type": "direct"}, user="hw-administrator"),
        get(_path("by-admin"), user="hw-administrator"),
    ]
    return [Section("exchanges", steps)]
