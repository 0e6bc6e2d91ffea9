"""/definitions: out, in, and by a form. Compared with RabbitMQ 3.10.8 where it does not fail."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from broker.commands import Bind, DeclareExchange, DeclareQueue
from broker.management.api import definitions
from tests.support.admin import Admin
from tests.support.builders import table

PATH = "/definitions"
CATEGORIES = (
    "users",
    "vhosts",
    "permissions",
    "topic_permissions",
    "parameters",
    "global_parameters",
    "policies",
    "queues",
    "exchanges",
    "bindings",
)


@pytest.fixture
def api() -> Admin:
    return Admin()


def filled() -> Admin:
    """With something of everything in the vhost v."""
    api = Admin()
    api.puts("/vhosts/v", {"description": "d", "tags": ["t"], "default_queue_type": "quorum"})
    api.puts("/users/u", {"tags": "monitoring", "password": "x", "limits": {"max-channels": 5}})
    api.puts("/permissions/v/u", {"configure": "^a", "write": "", "read": ".*"})
    api.puts("/topic-permissions/v/u", {"exchange": "t", "write": "^a", "read": ".*"})
    api.puts("/policies/v/p", {"pattern": "^q", "definition": {"max-length": 7}, "priority": 2})
    operator = {"pattern": "^q", "definition": {"expires": 9000}, "apply-to": "queues"}
    api.puts("/operator-policies/v/o", operator)
    api.puts("/vhost-limits/v/max-queues", {"value": 50})
    api.puts("/global-parameters/g", {"value": {"a": [1]}})
    execute = api.node.execute
    execute(DeclareQueue("v", "q1", durable=True, arguments=table(x_max_priority=5)))
    execute(DeclareQueue("v", "q2", auto_delete=True))
    execute(DeclareQueue("v", "mine", owner=1))
    execute(DeclareExchange("v", "e1", "topic", durable=True, internal=True))
    execute(DeclareExchange("v", "e2", "fanout", auto_delete=True))
    execute(Bind("v", "e1", "queue", "q1", "a.#", table(x="y")))
    execute(Bind("v", "amq.topic", "exchange", "e1", "b"))
    execute(Bind("v", "e1", "queue", "mine", "c"))
    return api


def without_order(document: Any) -> Any:
    if isinstance(document, list):
        return sorted(map(without_order, document), key=json.dumps)
    if isinstance(document, dict):
        return {name: without_order(value) for name, value in sorted(document.items())}
    return document


# out


def test_what_is_exported() -> None:
    api = filled()
    document = api.gets(PATH)
    version = api.node.config.identity.product_version
    assert list(document)[:4] == [
        "rabbit_version",
        "rabbitmq_version",
        "product_name",
        "product_version",
    ]
    assert document["rabbit_version"] == document["product_version"] == version
    assert tuple(document)[4:] == CATEGORIES
    assert document["vhosts"] == [
        {"name": "/", "metadata": {"description": "Default virtual host", "tags": []}},
        {
            "name": "v",
            "metadata": {"description": "d", "tags": ["t"], "default_queue_type": "quorum"},
        },
    ]
    assert document["queues"] == [
        {
            "name": "q1",
            "vhost": "v",
            "durable": True,
            "auto_delete": False,
            "arguments": {"x-max-priority": 5},
        },
        {"name": "q2", "vhost": "v", "durable": False, "auto_delete": True, "arguments": {}},
    ]
    assert [exchange["name"] for exchange in document["exchanges"]] == ["e1", "e2"]
    assert document["bindings"] == [
        {
            "source": "amq.topic",
            "vhost": "v",
            "destination": "e1",
            "destination_type": "exchange",
            "routing_key": "b",
            "arguments": {},
        },
        {
            "source": "e1",
            "vhost": "v",
            "destination": "q1",
            "destination_type": "queue",
            "routing_key": "a.#",
            "arguments": {"x": "y"},
        },
    ]
    assert {one["component"] for one in document["parameters"]} == {
        "operator_policy",
        "vhost-limits",
    }
    assert document["global_parameters"] == [{"name": "g", "value": {"a": [1]}}]


def test_what_is_exported_of_a_vhost() -> None:
    api = filled()
    document = api.gets(f"{PATH}/v")
    assert document == api.gets(PATH, headers={"x-vhost": "v"})
    assert list(document) == [
        "rabbit_version",
        "parameters",
        "policies",
        "queues",
        "exchanges",
        "bindings",
    ]
    for category in ("queues", "exchanges", "bindings"):
        assert document[category]
        assert all("vhost" not in one for one in document[category])
    assert all(one["vhost"] == "v" for one in document["policies"] + document["parameters"])
    assert api.is_refused("GET", f"{PATH}/nope") == "vhost_not_found"


def test_a_document_of_many_pieces(api: Admin) -> None:
    for number in range(2000):
        api.node.execute(DeclareQueue("/", f"queue {number}", durable=True))
    assert len(api.gets(PATH)["queues"]) == 2000


def test_columns() -> None:
    document = filled().gets(f"{PATH}?columns=vhosts.name,rabbit_version")
    assert set(document) == {"vhosts", "rabbit_version"}
    assert document["vhosts"] == [{"name": "/"}, {"name": "v"}]


def test_a_download(api: Admin) -> None:
    answer = api.asks("GET", f"{PATH}?download=a%22b%0d%0ac&auth=Z3Vlc3Q6Z3Vlc3Q=", user=None)
    assert answer.status == 200
    assert answer.headers["content-disposition"] == 'attachment; filename=a"bc'
    assert answer.headers["content-type"] == "application/json"
    for query in ("auth=xx", "auth=Z3Vlc3Q6Ymxh", "token=abc"):
        assert api.asks("GET", f"{PATH}?{query}", user=None).status == 401
    assert api.asks("GET", "/users?auth=Z3Vlc3Q6Z3Vlc3Q=", user=None).status == 401


@pytest.mark.parametrize(("name", "shown"), [("%F0%9D%93%A3+%F0%9D%93%B1+", ""), ("+a+b+", "a b")])
def test_the_name_of_a_download_may_stand_in_a_header(api: Admin, name: str, shown: str) -> None:
    answer = api.asks("GET", f"{PATH}?download={name}")
    assert answer.headers["content-disposition"] == f"attachment; filename={shown}"


def test_by_its_old_name(api: Admin) -> None:
    assert api.gets("/all-configuration") == api.gets(PATH)


# in


def test_all_of_it_can_be_imported_again() -> None:
    document = filled().gets(PATH)
    other = Admin()
    assert other.asks("POST", PATH, document).status == 204
    assert without_order(other.gets(PATH)) == without_order(document)
    assert other.asks("POST", PATH, document).status == 204  # again
    assert without_order(other.gets(PATH)) == without_order(document)
    assert other.node.vhosts["v"].queues["q1"].applied.definition == {
        "expires": 9000,
        "max-length": 7,
    }
    assert "v" in other.node.users["guest"].permissions  # who made the vhost


def test_a_vhost_can_be_imported_elsewhere() -> None:
    api = filled()
    document = api.gets(f"{PATH}/v")
    api.adds_vhost("w")
    assert api.asks("POST", f"{PATH}/w", document).status == 204
    found = api.gets(f"{PATH}/w")
    for category in ("queues", "exchanges", "bindings"):
        assert without_order(found[category]) == without_order(document[category])
    assert [one["vhost"] for one in found["policies"]] == ["w"]
    assert api.asks("POST", PATH, document | {"vhosts": []}).status == 400  # which vhost?


def test_who_did_it_is_told(api: Admin, caplog: pytest.LogCaptureFixture) -> None:
    actors = []
    api.node.observe(lambda command, _result: actors.append(command.actor))
    with caplog.at_level(logging.INFO):
        body = {"users": [{"name": "u", "tags": "", "password": "secret"}]}
        assert api.asks("POST", PATH, body).status == 204
    assert actors == ["guest"]
    assert "definitions were imported, user=guest vhost=all count=1 left_out=0" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("body", [b"{", b"null", b"[1]", b'"x"', b"5", b"\xff"])
def test_what_is_no_document(api: Admin, body: bytes) -> None:
    assert api.is_refused("POST", PATH, body) == "failed_to_parse_json"


def test_what_is_an_empty_one(api: Admin) -> None:
    for body in (b"", {}, {"users": [5]}, {"unknown": 1}):
        assert api.asks("POST", PATH, body).status == 204
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        headers = {"content-type": kind}
        assert api.asks("POST", PATH, {}, headers=headers).status == 415
    answer = api.asks("POST", f"{PATH}/nope", {})
    assert (answer.status, answer.reason) == (404, "vhost_not_found")


def test_nothing_is_changed_if_something_cannot_be(api: Admin) -> None:
    body = {
        "vhosts": [{"name": "v"}],
        "users": [{"name": "u", "tags": ""}],
        "queues": [{"name": "q", "vhost": "v", "durable": True, "auto_delete": False}],
        "bindings": [{"source": "x", "vhost": "nope", "destination": "q"}],
    }
    assert api.is_refused("POST", PATH, body) == ["no_such_vhost", "nope"]
    assert (set(api.node.vhosts), set(api.node.users)) == ({"/"}, {"guest"})


def test_bindings_that_cannot_be_are_left_out(api: Admin, caplog: pytest.LogCaptureFixture) -> None:
    api.node.execute(DeclareQueue("/", "q"))
    api.node.execute(DeclareExchange("/", "e", "x-consistent-hash"))
    binding = {"vhost": "/", "destination": "q", "destination_type": "queue", "source": "e"}
    body = {"bindings": [{**binding, "routing_key": "none"}, {**binding, "routing_key": "1"}]}
    with caplog.at_level(logging.INFO):
        assert api.asks("POST", PATH, body).status == 204
    assert [one["routing_key"] for one in api.gets(PATH)["bindings"]] == ["1"]
    assert "count=2 left_out=1" in caplog.text


def test_what_changes_meanwhile(api: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was fine when it was looked at need not be any more."""
    monkeypatch.setattr(definitions, "BATCH", 1)
    document = {
        "vhosts": [{"name": "v"}],
        "exchanges": [
            {"name": "e", "vhost": "v", "type": "fanout", "durable": True, "auto_delete": False}
        ],
    }

    calls = []
    execute_all = definitions.Context.execute_all

    async def deleting(self: Any, commands: Any) -> Any:
        found = await execute_all(self, commands)
        calls.append(commands)
        if len(calls) == 2:  # vhost and permissions
            del api.node.vhosts["v"]
        return found

    monkeypatch.setattr(definitions.Context, "execute_all", deleting)
    reason = api.is_refused("POST", PATH, document)
    assert reason == ["amqp_error", "not_allowed", "vhost v not found", "none"]


# by a form


def upload(api: Admin, *parts: tuple[str, bytes], query: str = "") -> Any:
    body = b"".join(
        b'--xy\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name.encode(), value)
        for name, value in parts
    )
    headers = {"content-type": "multipart/form-data; boundary=xy"}
    return api.asks("POST", f"{PATH}{query}", body + b"--xy--\r\n", headers=headers)


def test_a_file(api: Admin) -> None:
    document = json.dumps({"vhosts": [{"name": "v"}]}).encode()
    assert upload(api, ("file", document)).status == 204
    assert "v" in api.node.vhosts
    answer = upload(api, ("file", document), ("redirect", b"../#/import-succeeded"))
    assert (answer.status, answer.headers["location"]) == (303, "../#/import-succeeded")


def test_a_form_without_a_file(api: Admin) -> None:
    for parts in ((), (("redirect", b"/"),), (("file", b"{"), ("redirect", b"/"))):
        answer = upload(api, *parts)
        assert (answer.status, answer.reason) == (400, "failed_to_parse_json")
    headers = {"content-type": "multipart/form-data"}
    assert api.asks("POST", PATH, b"--x--", headers=headers).status == 400


@pytest.mark.parametrize(
    "place",
    [
        b"http://evil/",
        b"//evil/",
        b"/\\evil",
        b"\\/evil",
        b"\\\\evil",
        b"javascript:x",
        b"/a\r\nb",
        b"\xff",
    ],
)
def test_nobody_is_sent_to_another_site(api: Admin, place: bytes) -> None:
    """RabbitMQ sends wherever it is told to."""
    assert upload(api, ("file", b"{}"), ("redirect", place)).status == 204
