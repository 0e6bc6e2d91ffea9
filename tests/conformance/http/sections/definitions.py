"""Definitions: exported and imported, whole and of one vhost."""

from __future__ import annotations

import json

from tests.conformance.http.cases import Act, Case, Section, Step, at, delete, get, post, put
from tests.conformance.http.sections.exchanges import BROKEN, WRONG
from tests.conformance.http.sections.users import HASH
from tests.conformance.http.stage import Stage

VHOST = "hw-definitions"
OTHER = "hw-definitions-other"
PATH = at("definitions", VHOST)
IN_VHOST: dict[str, list[dict[str, object]]] = {
    "parameters": [{"component": "vhost-limits", "name": "limits", "value": {"max-queues": 99}}],
    "policies": [
        {
            "name": "p",
            "pattern": "^p",
            "apply-to": "queues",
            "definition": {"max-length": 5},
            "priority": 3,
        }
    ],
    "queues": [
        {"name": "q", "durable": True, "auto_delete": False, "arguments": {}},
        {"name": "a", "durable": False, "auto_delete": True, "arguments": {"x-max-length": 5}},
        {
            "name": "r",
            "durable": True,
            "auto_delete": False,
            "arguments": {"x-queue-type": "quorum"},
        },
        {"name": "t", "durable": True, "auto_delete": False, "type": "classic", "arguments": {}},
    ],
    "exchanges": [
        {
            "name": "e",
            "type": "topic",
            "durable": True,
            "auto_delete": False,
            "internal": False,
            "arguments": {},
        },
        {
            "name": "i",
            "type": "direct",
            "durable": True,
            "auto_delete": False,
            "internal": True,
            "arguments": {"alternate-exchange": "e"},
        },
    ],
    "bindings": [
        {
            "source": "e",
            "destination": "q",
            "destination_type": "queue",
            "routing_key": "k.#",
            "arguments": {},
        },
        {
            "source": "e",
            "destination": "i",
            "destination_type": "exchange",
            "routing_key": "",
            "arguments": {"a": 1},
        },
    ],
}
WHOLE: dict[str, object] = {
    "rabbit_version": "3.10.8",
    "rabbitmq_version": "3.10.8",
    "product_name": "RabbitMQ",
    "product_version": "3.10.8",
    "users": [
        {
            "name": "hw-imported",
            "password_hash": HASH,
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": ["management"],
            "limits": {"max-connections": 9},
        },
        {"name": "hw-old", "password_hash": HASH, "tags": "monitoring,own"},
    ],
    "vhosts": [{"name": OTHER}],
    "permissions": [
        {"user": "hw-imported", "vhost": OTHER, "configure": ".*", "write": "^w", "read": ""}
    ],
    "topic_permissions": [
        {
            "user": "hw-imported",
            "vhost": OTHER,
            "exchange": "amq.topic",
            "write": "^w",
            "read": "^r",
        }
    ],
    "global_parameters": [{"name": "hw-imported", "value": {"a": [1]}}],
    **{kind: [{"vhost": OTHER, **item} for item in items] for kind, items in IN_VHOST.items()},
}
NAMED: dict[str, dict[str, object]] = {
    "queues": {"name": "n", "durable": True, "auto_delete": False, "arguments": {}},
    "exchanges": {
        "name": "n",
        "type": "direct",
        "durable": True,
        "auto_delete": False,
        "internal": False,
        "arguments": {},
    },
    "bindings": {
        "source": "e",
        "destination": "q",
        "destination_type": "queue",
        "routing_key": "n",
        "arguments": {},
    },
    "policies": {
        "name": "n",
        "pattern": "^n",
        "apply-to": "all",
        "definition": {"max-length": 1},
        "priority": 0,
    },
    "parameters": {"component": "vhost-limits", "name": "limits", "value": {"max-queues": 50}},
}


def _state() -> list[Step]:
    return [
        put(at("queues", VHOST, "q1"), {"durable": True, "arguments": {"x-max-length": 9}}),
        put(at("queues", VHOST, "q2"), {"durable": False}),
        put(
            at("exchanges", VHOST, "e1"),
            {"type": "topic", "arguments": {"alternate-exchange": "x"}},
        ),
        put(
            at("exchanges", VHOST, "e2"), {"type": "fanout", "durable": False, "auto_delete": True}
        ),
        post(at("bindings", VHOST, "e", "e1", "q", "q1"), {"routing_key": "k"}),
        post(at("bindings", VHOST, "e", "e1", "e", "e2"), {"arguments": {"a": 1}}),
        post(at("bindings", VHOST, "e", "amq.topic", "q", "q1"), {"routing_key": "t"}),
        put(at("policies", VHOST, "p1"), {"pattern": "x", "definition": {"max-length": 5}}),
        put(
            at("operator-policies", VHOST, "o1"), {"pattern": "x", "definition": {"max-length": 5}}
        ),
        put(at("vhost-limits", VHOST, "max-queues"), {"value": 100}),
        put(
            at("topic-permissions", VHOST, "hw-management"),
            {"exchange": "e1", "write": "a", "read": "b"},
        ),
        put(at("user-limits", "hw-management", "max-channels"), {"value": 50}),
        put(at("global-parameters", "hw-definitions"), {"value": {"b": 1}}),
        Act(_exclusive),
    ]


def _exclusive(stage: Stage) -> None:
    stage.connect("owner")
    stage.channel("owner").queue("exclusive", exclusive=True)


def _exports() -> list[Step]:
    return [
        get(PATH),
        get("/definitions"),
        Case("GET", "/all-configuration", keep="shape"),
        get(f"{PATH}?columns=queues,rabbit_version"),
        get(f"{PATH}?columns=queues.name,rabbit_version"),
        get(f"{PATH}?download=file.json"),
        get("/definitions?download=a%20b.json&columns=rabbit_version"),
        get("/definitions?download=a%0d%0ab&columns=rabbit_version"),
        get("/definitions?columns=rabbit_version", user="hw-management"),
        get("/definitions?columns=rabbit_version", user="hw-policymaker"),
        get("/definitions?auth=Z3Vlc3Q6Z3Vlc3Q%3D&columns=rabbit_version", user=""),
        get("/definitions?auth=Z3Vlc3Q6d3Jvbmc%3D&columns=rabbit_version", user=""),
        get("/definitions?auth=nonsense&columns=rabbit_version", user=""),
        get("/definitions?token=nonsense&columns=rabbit_version", user=""),
        get(at("definitions", "hw-missing")),
        post(at("definitions", "hw-missing"), {}),
    ]


def _imports() -> list[Step]:
    steps: list[Step] = [
        post(PATH, IN_VHOST),
        get(PATH),
        post(PATH, IN_VHOST),
        post("/definitions", WHOLE),
        get(at("definitions", OTHER)),
        get(at("users", "hw-imported")),
        get(at("users", "hw-old")),
        get("/whoami", user="hw-imported:test12"),
        get(at("vhosts", OTHER, "permissions")),
        get(at("vhosts", OTHER, "topic-permissions")),
        get(at("global-parameters", "hw-imported")),
        post("/definitions", WHOLE),
        post("/all-configuration", WHOLE),
        post("/definitions", {}),
        post("/definitions"),
        post(PATH),
        post(PATH, {"nonsense": 1, "queues": []}),
    ]
    steps += [post(PATH, text) for text in BROKEN]
    steps += [post("/definitions", text) for text in BROKEN]
    changed = dict(IN_VHOST["queues"][0], arguments={"x-max-length": 77})
    steps += [
        post(PATH, {"queues": [changed]}),
        post(PATH, {"queues": [dict(changed, durable=False)]}),
        post(PATH, {"exchanges": [dict(IN_VHOST["exchanges"][0], type="direct")]}),
        post(PATH, {"queues": [dict(changed, name="amq.mine")]}),
        post(PATH, {"queues": [dict(changed, name="b", arguments={"x-max-length": -1})]}),
        post(PATH, {"queues": [dict(changed, name="v", vhost=OTHER, arguments={})]}),
        get(f"{at('queues', VHOST, 'v')}?columns=name,vhost"),
        get(f"{at('queues', OTHER, 'v')}?columns=name,vhost"),
        post(
            PATH,
            {"vhosts": [{"name": "hw-unwanted"}], "users": [{"name": "hw-unwanted", "tags": ""}]},
        ),
        get(at("vhosts", "hw-unwanted")),
        get(at("users", "hw-unwanted")),
        post("/definitions", {"queues": [dict(changed, vhost="hw-missing")]}),
        post("/definitions", {"queues": [changed]}),
        post(
            "/definitions", {"bindings": [dict(NAMED["bindings"], vhost=OTHER, destination="none")]}
        ),
        post("/definitions", {"bindings": [dict(NAMED["bindings"], vhost=OTHER, source="none")]}),
        post("/definitions", {"users": [{"name": "hw-broken"}]}),
        post("/definitions", {"users": [{"name": "hw-broken", "tags": "", "password": "p"}]}),
        get(at("users", "hw-broken")),
        post("/definitions", {"users": [{"tags": ""}]}),
        post(
            "/definitions",
            {
                "permissions": [
                    {"user": "hw-nobody", "vhost": VHOST, "configure": "", "write": "", "read": ""}
                ]
            },
        ),
        post(
            "/definitions",
            {
                "permissions": [
                    {
                        "user": "hw-old",
                        "vhost": "hw-missing",
                        "configure": "",
                        "write": "",
                        "read": "",
                    }
                ]
            },
        ),
        post(
            "/definitions",
            {
                "permissions": [
                    {"user": "hw-old", "vhost": VHOST, "configure": "(", "write": "", "read": ""}
                ]
            },
        ),
        post("/definitions", {"vhosts": [{"name": OTHER, "limits": []}]}),
        post("/definitions", {"vhosts": [{"name": OTHER, "description": "d", "tags": ["x"]}]}),
        get(f"{at('vhosts', OTHER)}?columns=name,description,tags"),
        post(PATH, {"queues": []}, user="hw-policymaker"),
        post("/definitions", {}, user="hw-administrator"),
        post(PATH, {"queues": []}, user="hw-administrator"),
        _multipart(IN_VHOST, ""),
        _multipart(IN_VHOST, "/#/done"),
        post(PATH, json.dumps(IN_VHOST), headers=(("Content-Type", "text/plain"),)),
        post(
            PATH,
            json.dumps(IN_VHOST),
            headers=(("Content-Type", "application/json; charset=utf-8"),),
        ),
        *(delete(at("users", name)) for name in ("hw-imported", "hw-old", "hw-broken")),
        delete(at("vhosts", OTHER)),
        delete(at("user-limits", "hw-management", "max-channels")),
        delete(at("global-parameters", "hw-imported")),
        delete(at("global-parameters", "hw-definitions")),
    ]
    return steps


def _wrong() -> list[Step]:
    vhost = "hw-definitions-wrong"
    path = at("definitions", vhost)
    steps: list[Step] = [post(path, IN_VHOST)]
    for kind, item in NAMED.items():
        steps += [post(path, {kind: [item]})]
        steps += [
            post(path, {kind: [{key: value for key, value in item.items() if key != gone}]})
            for gone in item
            if kind != "parameters"
        ]
        steps += [post(path, {kind: value}) for value in WRONG]
        for field in item:
            if kind == "parameters" or field in ("name", "source", "destination"):
                continue  # RabbitMQ keeps what it cannot delete again, nor the vhost with it
            steps += [
                post(path, {kind: [{**item, field: value}]}) for value in (1, None, "x", {}, [])
            ]
    steps += [get(path, keep="shape")]
    return steps


def _multipart(definitions: object, redirect: str) -> Step:
    """As the page's form sends it."""
    boundary = "----walk"
    parts = [("file", json.dumps(definitions))]
    if redirect:
        parts.append(("redirect", redirect))
    text = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts
    )
    headers = (("Content-Type", f"multipart/form-data; boundary={boundary}"),)
    return post(PATH, f"{text}--{boundary}--\r\n", headers=headers)


def sections() -> list[Section]:
    return [
        Section("definitions", [*_state(), *_exports(), *_imports()]),
        Section("definitions-wrong", _wrong(), is_alone=True),
    ]
