"""Policies, parameters and definitions answer what their table says."""

from __future__ import annotations

import pytest

from broker.management.openapi.policies import PATHS
from tests.unit.management.openapi.conftest import Told


@pytest.mark.parametrize("kinds", ["policies", "operator-policies"])
def test_a_policy_from_first_to_last(told: Told, kinds: str) -> None:
    path = f"/{kinds}/:vhost/:name"
    names = {"vhost": "%2f", "name": "p"}
    told.asks("PUT", path, names, body=PATHS[path]["PUT"].example, status=201)
    told.asks("PUT", path, names, body=PATHS[path]["PUT"].example, status=204)
    found = told.asks("GET", path, names)
    assert told.asks("GET", f"/{kinds}") == [found]
    assert told.asks("GET", f"/{kinds}/:vhost", names) == [found]
    told.asks("DELETE", path, names, status=204)


def test_a_parameter_from_first_to_last(told: Told) -> None:
    path = "/parameters/:component/:vhost/:name"
    names = {"component": "vhost-limits", "vhost": "%2f", "name": "limits"}
    told.asks("PUT", path, names, body=PATHS[path]["PUT"].example, status=201)
    found = told.asks("GET", path, names)
    for lists in ("/parameters", "/parameters/:component", "/parameters/:component/:vhost"):
        assert told.asks("GET", lists, names) == [found]
    told.asks("DELETE", path, names, status=204)


def test_a_global_parameter_from_first_to_last(told: Told) -> None:
    path, names = "/global-parameters/:name", {"name": "n"}
    told.asks("PUT", path, names, body=PATHS[path]["PUT"].example, status=201)
    assert told.asks("GET", path, names) in told.asks("GET", "/global-parameters")
    told.asks("DELETE", path, names, status=204)


@pytest.mark.parametrize("path", ["/definitions", "/definitions/:vhost", "/all-configuration"])
def test_definitions_are_taken_in(told: Told, path: str) -> None:
    body = {"queues": []} if "vhost" in path else PATHS[path]["POST"].example
    told.asks("POST", path, {"vhost": "%2f"}, body=body, status=204)


def test_what_is_exported_is_as_described(told: Told) -> None:
    """Whole it is sent in pieces; with columns in one."""
    columns = "users,vhosts,permissions,parameters,policies,queues,exchanges,bindings"
    found = told.asks("GET", "/definitions", query=f"?columns={columns}")
    assert sorted(found) == sorted(columns.split(","))
