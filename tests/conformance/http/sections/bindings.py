"""Bindings, and the properties_key that names one of several."""

from __future__ import annotations

from tests.conformance.http.cases import Section, Step, at, delete, get, head, post, put
from tests.conformance.http.sections.exchanges import BROKEN, WRONG

VHOST = "hw-bindings"
ARGUMENTS: tuple[object, ...] = (
    *({}, {"x-match": "all", "a": 1}, {"x-match": "any", "a": "text", "b": True}, {"a": None}),
    *({"a": 1.5}, {"a": [1, "x", False]}, {"a": {"b": {"c": 1}}}, {"ä": "ö"}, {"a": 2**40}),
    *({"a": -1}, {"a": ""}, {"z": 1, "a": 2}, {"a": 128}, {"a": 40000}, {"a": "x" * 300}),
)
KEYS = (
    *("", "key", "a.b.c", "a~b", "~", "a b", "a/b", "%", "a%2Fb", "a+b", "ä", "null"),
    *("undefined", "x" * 255, "x" * 256, "a~~b", "q?x=1&y#z", "\\", '"'),
)


def _path(*names: str) -> str:
    return at("bindings", VHOST, *names)


def sections() -> list[Section]:
    to_queue, to_exchange = _path("e", "source", "q", "queue"), _path("e", "source", "e", "target")
    steps: list[Step] = [
        put(at("queues", VHOST, "queue"), {}),
        put(at("exchanges", VHOST, "source"), {"type": "headers"}),
        put(at("exchanges", VHOST, "target"), {"type": "fanout"}),
        put(at("exchanges", VHOST, "locked"), {"type": "fanout", "internal": True}),
        get(_path()),
        get(to_queue),
        get(to_exchange),
    ]
    for key in KEYS:
        steps.append(post(to_queue, {"routing_key": key}))
        steps += [
            get(_path("e", "source", "q", "queue", shown or "~"))
            for shown in (key, key.replace("~", "%7E"), key.replace("%", "%25"))
        ]
    steps += [get(to_queue), get(at("queues", VHOST, "queue", "bindings"))]
    for key in KEYS:
        steps.append(delete(_path("e", "source", "q", "queue", key.replace("~", "%7E") or "~")))
    steps += [get(to_queue)]
    for arguments in ARGUMENTS:
        steps += [
            post(to_queue, {"routing_key": "k", "arguments": arguments}),
            post(to_exchange, {"routing_key": "", "arguments": arguments}),
        ]
    steps += [
        get(to_queue),
        get(to_exchange),
        post(to_queue, {"routing_key": "k", "arguments": {"x-match": "all", "a": 1}}),
        get(at("exchanges", VHOST, "source", "bindings", "source")),
        get(at("exchanges", VHOST, "target", "bindings", "destination")),
        get(at("queues", VHOST, "queue", "bindings")),
        get(f"{at('queues', VHOST, 'queue', 'bindings')}?columns=source,properties_key"),
        get(f"{_path()}?sort=properties_key&sort_reverse=true&columns=properties_key,destination"),
        get(_path()),
        get(_path(), user="hw-management"),
        get("/bindings", user="hw-management", keep="items"),
    ]
    hashes = (
        *(
            "k~4tmbCA",
            "k~YD2Bmg",
            "k%7E4tmbCA",
            "~~4tmbCA",
            "%7E~4tmbCA",
            "k~wrong",
            "~~wrong",
            "k~a~b",
        ),
        *("k%7Ewrong", "missing", "~", "k", "k~"),
    )
    for key in hashes:
        steps += [
            get(_path("e", "source", "q", "queue", key)),
            get(_path("e", "source", "e", "target", key)),
        ]
    steps += [delete(_path("e", "source", "q", "queue", key)) for key in hashes]
    steps += [delete(_path("e", "source", "e", "target", key)) for key in hashes]
    steps += [get(to_queue), get(to_exchange)]
    steps += [post(to_queue, text) for text in BROKEN]
    steps += [post(to_queue, {"routing_key": value}) for value in WRONG]
    steps += [post(to_queue, {"routing_key": "w", "arguments": value}) for value in WRONG]
    steps += [
        get(to_queue, is_unordered=True),
        post(to_queue),
        post(to_queue, {"nonsense": 1}),
        post(_path("e", "source", "q", "missing"), {}),
        post(_path("e", "missing", "q", "queue"), {}),
        post(_path("e", "missing", "e", "target"), {}),
        post(_path("e", "source", "e", "missing"), {}),
        post(_path("e", "amq.default", "q", "queue"), {}),
        post(_path("e", "", "q", "queue"), {}),
        post(_path("e", "source", "e", "amq.default"), {}),
        post(_path("e", "locked", "q", "queue"), {}),
        post(_path("e", "source", "x", "queue"), {}),
        get(_path("e", "source", "x", "queue")),
        get(_path("e", "source", "x", "queue", "k")),
        delete(_path("e", "source", "x", "queue", "k")),
        post(at("bindings", "hw-missing", "e", "source", "q", "queue"), {}),
        get(at("bindings", "hw-missing")),
        get(at("bindings", "hw-missing", "e", "source", "q", "queue")),
        get(at("bindings", "hw-missing", "e", "source", "q", "queue", "k")),
        delete(at("bindings", "hw-missing", "e", "source", "q", "queue", "k")),
        get(_path("e", "missing", "q", "queue")),
        get(_path("e", "source", "q", "missing")),
        get(_path("e", "amq.default", "q", "queue")),
        get(_path("e", "amq.default", "q", "queue", "queue")),
        head(_path("e", "amq.default", "q", "queue", "queue")),
        delete(_path("e", "amq.default", "q", "queue", "queue")),
        get(_path("e", "", "q", "queue")),
        get(_path("e", "amq.default", "q", "missing", "missing")),
        put(at("queues", VHOST, "own-q"), {}, user="hw-limited"),
        put(at("exchanges", VHOST, "own-x"), {"type": "topic"}, user="hw-limited"),
        post(_path("e", "own-x", "q", "own-q"), {"routing_key": "a"}, user="hw-limited"),
        post(_path("e", "own-x", "q", "queue"), {"routing_key": "a"}, user="hw-limited"),
        post(_path("e", "source", "q", "own-q"), {"routing_key": "a"}, user="hw-limited"),
        post(_path("e", "source", "e", "own-x"), {"routing_key": "a"}, user="hw-limited"),
        delete(_path("e", "own-x", "q", "own-q", "a"), user="hw-limited"),
        delete(_path("e", "source", "q", "queue", "k"), user="hw-limited"),
        post(_path("e", "source", "q", "queue"), {}, user="hw-administrator"),
        delete(_path("e", "source", "q", "queue", "~"), user="hw-administrator"),
        get(_path("e", "source", "q", "queue"), user="hw-administrator", keep="items"),
    ]
    return [Section("bindings", steps)]
