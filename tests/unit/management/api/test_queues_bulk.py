"""/queues-bulk/:vhost: what is asked and refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api import Api


def test_what_is_asked_for() -> None:
    api = Api()
    peer = api.world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    body: dict[str, Any] = {"pattern": "^q", "action": "delete", "dry_run": "true", "if_empty": 0}
    assert api.asks("POST", "/queues-bulk/%2f", body).status == 400
    body["if_empty"] = True
    assert api.asks("POST", "/queues-bulk/%2f", body).json["matched"] == ["q"]
    body["dry_run"] = False
    assert api.asks("POST", "/queues-bulk/%2f", body).json["done"] == 1
    assert api.world.vhost.queues == {}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"pattern": "a"}, "key_missing"),
        ({"pattern": 5, "action": "purge"}, "not_a_string"),
        ({"pattern": "a", "action": "explode"}, "neither purge nor delete"),
        ({"pattern": "", "action": "purge"}, "empty"),
        ({"pattern": "[", "action": "purge"}, "missing terminating ]"),
        ({"pattern": "(a+)+$", "action": "purge"}, "might take for ever"),
        ({"pattern": "a", "action": "purge", "after": 5}, "not_a_string"),
    ],
)
def test_what_is_refused(body: object, reason: str) -> None:
    answer = Api().asks("POST", "/queues-bulk/%2f", body)
    assert answer.status == 400
    assert reason in str(answer.json["reason"])


def test_who_may() -> None:
    api = Api()
    api.has_user("stranger", "monitoring", vhosts=())
    body = {"pattern": "a", "action": "purge"}
    assert api.asks("POST", "/queues-bulk/%2f", body, user="stranger").status == 401
    assert api.asks("POST", "/queues-bulk/nope", body).status == 404
    assert api.asks("GET", "/queues-bulk/%2f").status == 405
