"""/parameters and /global-parameters, as in RabbitMQ 3.10.8."""

from __future__ import annotations

import pytest

from tests.support.admin import Admin

LIMITS = "/parameters/vhost-limits/v/limits"
OPERATOR = {"pattern": "x", "definition": {"max-length": 6}, "priority": 0, "apply-to": "all"}


@pytest.fixture
def api() -> Admin:
    made = Admin()
    made.adds_vhost("v", "w")
    return made


def test_a_parameter_comes_and_goes(api: Admin) -> None:
    assert api.asks("GET", LIMITS).status == 404
    assert api.puts(LIMITS, {"value": {"max-queues": 5}}) == 201
    shown = {
        "vhost": "v",
        "component": "vhost-limits",
        "name": "limits",
        "value": {"max-queues": 5},
    }
    assert api.gets(LIMITS) == shown
    for path in ("", "/vhost-limits", "/vhost-limits/v"):
        assert api.gets(f"/parameters{path}") == [shown]
    assert api.gets("/parameters/vhost-limits/w") == api.gets("/parameters/none") == []
    assert api.asks("GET", "/parameters/vhost-limits/nope").status == 404
    assert api.puts(LIMITS, {"value": {}}) == 204
    assert api.gets(LIMITS)["value"] == []
    assert api.puts(LIMITS, {"value": []}) == 204
    assert api.deletes(LIMITS) == 204
    assert api.deletes(LIMITS) == 404


def test_operator_policies_are_parameters(api: Admin) -> None:
    path = "/parameters/operator_policy/v/p"
    assert api.puts(path, {"value": OPERATOR}) == 201
    assert api.gets("/operator-policies/v/p") == {"vhost": "v", "name": "p", **OPERATOR}
    assert api.gets(path)["value"] == OPERATOR
    assert [one["name"] for one in api.gets("/parameters")] == ["p"]
    assert api.deletes(path) == 204
    assert api.gets("/operator-policies") == []


def test_policies_are_shown_as_parameters_and_not_set(api: Admin) -> None:
    api.puts("/policies/v/p", {"pattern": "x", "definition": {"max-length": 1}})
    path = "/parameters/policy/v/p"
    value = {"pattern": "x", "definition": {"max-length": 1}, "priority": 0, "apply-to": "all"}
    assert api.gets(path)["value"] == value
    assert api.gets("/parameters") == []
    reason = api.is_refused("PUT", path, {"value": value})
    assert reason == "policies may not be set using this method"
    assert "cleared" in api.is_refused("DELETE", path)


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        (LIMITS, {}, "[{key_missing,value}]"),
        (LIMITS, {"value": 5}, "Validation failed\n\nlimits not a list 5\n"),
        (LIMITS, {"value": {"max-queues": "<a>"}}, "Validation failed\n\nmax-queues should be a "
         "number, actually was &lt;&lt;\"&lt;a&gt;\"&gt;&gt;\n"),
        ("/parameters/foo/v/x", {"value": 1}, "Validation failed\n\ncomponent foo not found\n"),
        ("/parameters/vhost-limits/v/x", {"value": {}},
         "component vhost-limits has no parameter 'x'"),
        ("/parameters/operator_policy/v/p", {"value": {"pattern": "y"}},
         'Validation failed\n\nKey "definition" not found in p\nKey "priority" not found in p\n'),
    ],
)  # fmt: skip
def test_what_is_refused(api: Admin, path: str, body: object, reason: str) -> None:
    assert api.is_refused("PUT", path, body) == reason


def test_a_vhost_that_is_not_there(api: Admin) -> None:
    answer = api.asks("PUT", "/parameters/foo/nope/x", b"{")
    assert answer.status == 404
    assert answer.json == {"error": "not_found", "reason": "vhost_not_found"}
    assert api.deletes("/parameters/foo/nope/x") == 404


def test_policymakers_see_those_of_their_vhosts(api: Admin) -> None:
    api.adds_user("maker", "policymaker", vhosts=["w"])
    for vhost in "vw":
        api.puts(f"/parameters/vhost-limits/{vhost}/limits", {"value": {"max-queues": 5}})

    def seen(path: str, user: str, **headers: str) -> list[str]:
        return [one["vhost"] for one in api.gets(path, user=user, headers=headers)]

    assert seen("/parameters", "maker:maker") == ["w"]
    assert seen("/parameters", "guest:guest") == ["v", "w"]
    assert seen("/parameters", "guest:guest", **{"x-vhost": "v"}) == ["v"]


def test_global_parameters_come_and_go(api: Admin) -> None:
    path = "/global-parameters/g"
    assert api.asks("GET", path).status == 404
    assert api.is_refused("PUT", path, {}) == "[{key_missing,value}]"
    assert api.puts(path, {"value": {"b": [1, {"x": 1.5}], "a": None}}) == 201
    assert api.gets(path) == {"name": "g", "value": {"b": [1, {"x": 1.5}], "a": None}}
    assert api.puts(path, {"value": {}}) == 204
    assert api.gets("/global-parameters") == [{"name": "g", "value": []}]
    assert api.deletes(path) == 204
    assert api.deletes(path) == 404
