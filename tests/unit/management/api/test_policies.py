"""/policies and /operator-policies, as in RabbitMQ 3.10.8."""

from __future__ import annotations

import pytest

from broker.commands import DeclareQueue
from tests.support.admin import Admin

KINDS = ["policies", "operator-policies"]
FINE = {"pattern": "^x", "definition": {"max-length": 5}}


@pytest.fixture
def api() -> Admin:
    made = Admin()
    made.adds_vhost("v", "w")
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_comes_and_goes(api: Admin, kind: str) -> None:
    path = f"/{kind}/v/p"
    assert api.asks("GET", path).status == 404
    assert api.puts(path, {**FINE, "priority": 1.5, "vhost": "w", "name": "q"}) == 201
    shown = {"vhost": "v", "name": "p", "apply-to": "all", "priority": 1.5, **FINE}
    assert api.gets(path) == shown
    assert api.puts(path, {**FINE, "apply-to": "queues"}) == 204
    shown |= {"apply-to": "queues", "priority": 0}
    assert api.gets(f"/{kind}") == api.gets(f"/{kind}/v") == [shown]
    assert api.gets(f"/{kind}/w") == []
    assert api.asks("GET", f"/{kind}/nope").status == 404
    assert api.deletes(path) == 204
    assert api.deletes(path) == 404


def test_they_are_sorted_by_priority(api: Admin) -> None:
    for name, priority in (("b2", 1), ("a", 3), ("b1", 1), ("c", 2)):
        api.puts(f"/policies/v/{name}", {**FINE, "priority": priority})
    assert [one["name"] for one in api.gets("/policies")] == ["b1", "b2", "c", "a"]
    assert [one["name"] for one in api.gets("/policies?sort=name&sort_reverse=true")] == [
        "c",
        "b2",
        "b1",
        "a",
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "[{key_missing,pattern},{key_missing,definition}]"),
        ({"pattern": "x", "definition": {}}, "Validation failed\n\nno policy provided\n"),
        ({"pattern": "x", "definition": 5},
         "Validation failed\n\ndefinition must be a dictionary: 5\n"),
        ({**FINE, "pattern": "("}, "Validation failed\n\npattern should be regular expression but "
         'is invalid: {"missing )",1}\n'),
        ({**FINE, "priority": None},
         "Validation failed\n\npriority should be a number, actually was null\n"),
        ({"pattern": "x", "definition": {"max-length": "a"}},
         'Validation failed\n\n&lt;&lt;"a"&gt;&gt; is not a valid maximum length\n'),
    ],
)  # fmt: skip
def test_what_is_refused(api: Admin, body: object, reason: str) -> None:
    assert api.is_refused("PUT", "/policies/v/p", body) == reason


@pytest.mark.parametrize(
    ("value", "shown"), [(5, "5"), (None, "null"), ("none", "none"), (["all"], '["all"]')]
)
def test_what_a_policy_may_apply_to(api: Admin, value: object, shown: str) -> None:
    reason = api.is_refused("PUT", "/policies/v/p", {**FINE, "apply-to": value})
    assert reason.startswith(f"Validation failed\n\napply-to '{shown}' unrecognised")


def test_texts_of_operator_policies_are_not_escaped(api: Admin) -> None:
    body = {"pattern": "x", "definition": {"queue-mode": "lazy"}}
    reason = api.is_refused("PUT", "/operator-policies/v/p", body)
    assert '[{<<"queue-mode">>,<<"lazy">>}] are not recognised' in reason


@pytest.mark.parametrize("kind", KINDS)
def test_a_vhost_that_is_not_there(api: Admin, kind: str) -> None:
    answer = api.asks("PUT", f"/{kind}/nope/p", b"{")
    assert (answer.status, answer.reason) == (404, "vhost_not_found")


def test_who_sees_which(api: Admin) -> None:
    api.adds_user("maker", "policymaker", vhosts=["w"])
    api.adds_user("monitor", "monitoring", vhosts=["w"])
    for vhost in "vw":
        api.puts(f"/policies/{vhost}/p", FINE)
    for user, seen in (
        ("guest:guest", ["v", "w"]),
        ("maker:maker", ["w"]),
        ("monitor:monitor", ["w"]),
    ):
        assert [one["vhost"] for one in api.gets("/policies", user=user)] == seen
    assert api.asks("PUT", "/policies/w/q", FINE, user="maker:maker").status == 201
    assert api.asks("PUT", "/operator-policies/w/q", FINE, user="maker:maker").status == 401


def test_a_policy_takes_effect(api: Admin) -> None:
    api.node.execute(DeclareQueue("v", "xq"))
    api.puts("/policies/v/p", FINE)
    queue = api.node.vhosts["v"].queues["xq"]
    assert queue.applied.policy.name == "p"
    api.deletes("/policies/v/p")
    assert queue.applied is None
