"""Whatever is asked of the HTTP API, it is answered, and no answer is a bug.

Requests are nearly right: a route that is there, names that mostly are, a body that would do, with
something in it changed.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from broker.management.routes import ROUTES
from tests.property.conftest import examples
from tests.support.admin import Admin

ENDLESS = ("/livelog",)  # an answer without an end
QUEUE = {"name": "n", "vhost": "v", "durable": True, "auto_delete": False, "arguments": {}}
POLICY = {"pattern": "x", "definition": {"max-length": 1}, "priority": 0, "apply-to": "all"}
OPERATOR = {"vhost": "v", "component": "operator_policy", "name": "p"}
BODIES: list[dict[str, Any]] = [
    {},
    {"tags": "", "password": "x", "limits": {"max-channels": 1}},
    {"configure": "", "write": "", "read": "", "exchange": "e"},
    {**POLICY, "value": POLICY},
    {"value": 5, "name": "c", "users": ["u"], "description": "d", "tracing": True},
    {"properties": {}, "routing_key": "q", "payload": "a", "payload_encoding": "string"},
    {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto", "truncate": 5},
    {"type": "topic", "durable": True, "internal": False, "arguments": {"x-max-length": 5}},
    {"pattern": ".*", "action": "purge", "dry_run": True, "all": True, "destination": "q"},
    {
        "users": [{"name": "u", "tags": "", "password": "x"}],
        "vhosts": [{"name": "v", "metadata": {"tags": []}}],
        "permissions": [{"user": "u", "vhost": "v", "configure": "", "write": "", "read": ""}],
        "exchanges": [{**QUEUE, "type": "topic"}],
        "queues": [QUEUE],
        "bindings": [
            {"source": "n", "destination": "n", "vhost": "v", "destination_type": "queue"}
        ],
        "policies": [{**POLICY, "vhost": "v", "name": "p"}],
        "parameters": [{**OPERATOR, "value": POLICY}],
        "global_parameters": [{"name": "g", "value": 1}],
    },
]  # fmt: skip
NAMES = {
    "vhost": "v",
    "queue": "q",
    "exchange": "e",
    "user": "u",
    "name": "limits",
    "component": "vhost-limits",
    "source": "e",
    "destination": "q",
    "dtype": "q",
    "props": "~",
}
QUERIES = (
    "",
    "columns=name",
    "sort=x.y&sort_reverse=true",
    "page=1&page_size=5&name=(&use_regex=true",
    "disable_stats=true",
    "lengths_age=60&lengths_incr=5",
    "msg_rates_age=x",
    "download=a",
)

words = st.sampled_from(
    [
        "",
        "v",
        "q",
        "guest",
        "nope",
        "é",
        "..",
        "(",
        "x" * 300,
        "\udcff",
        "true",
        "quorum",
        "-1",
        "~",
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | words | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """A value with one thing in it another, or gone."""
    if isinstance(value, dict) and value:
        key = draw(st.sampled_from(sorted(value)))
        how = draw(st.sampled_from(["inside", "other", "gone"]))
        if how == "gone":
            return {name: inner for name, inner in value.items() if name != key}
        return value | {key: draw(changed(value[key]) if how == "inside" else values)}
    if isinstance(value, list) and value:
        return [*value[:-1], draw(changed(value[-1]))]
    return draw(values)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str, bytes]:
    """Method, target and body."""
    route = draw(st.sampled_from([found for found in ROUTES.all() if found.path not in ENDLESS]))
    parts = [
        quote(
            draw(st.just(NAMES.get(part[1:], "x")) | words).encode("utf-8", "surrogateescape"),
            safe="",
        )
        if part.startswith(":")
        else part
        for part in route.parts
    ]
    method = draw(st.sampled_from([*route.endpoints, *route.endpoints, "HEAD", "OPTIONS", "PATCH"]))
    body = draw(st.sampled_from(BODIES).flatmap(lambda one: st.just(one) | changed(one)))
    octets = json.dumps(body).encode()
    return method, f"/{'/'.join(parts)}?{draw(st.sampled_from(QUERIES))}", octets


def filled() -> Admin:
    api = Admin()
    api.adds_vhost("v")
    api.adds_user("u", "management", vhosts=["v"])
    api.puts("/permissions/v/guest", {"configure": ".*", "write": ".*", "read": ".*"})
    api.puts("/queues/v/q", {"durable": True})
    api.puts("/exchanges/v/e", {"type": "topic"})
    return api


filled()  # the routes are entered


@examples(150)
@given(st.lists(requests(), min_size=1, max_size=20))
def test_no_request_is_a_bug(asked: list[tuple[str, str, bytes]]) -> None:
    api = filled()
    for method, target, body in asked:
        answer = api.asks(method, target, body)
        assert answer.status != 500, (method, target, body)
        if answer.body and answer.headers.get("content-type") == "application/json":
            json.loads(answer.body)
    assert api.node.bug_count == 0
    api.node.check_invariants()
