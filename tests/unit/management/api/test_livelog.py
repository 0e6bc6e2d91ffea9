"""/livelog: who may, and what he is given. tests/unit/management/test_live_log.py has the lines."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest

from tests.support.api import Api


def test_a_stream_of_events() -> None:
    api = Api()

    async def run() -> list[bytes]:
        api.management.live_log.open()
        logging.getLogger("broker.test").warning("something, queue=%s", "q")
        response = await api.application.handle(api.request("GET", "/livelog"))
        headers = dict(response.headers)
        assert response.status == 200
        assert headers["content-type"] == "text/event-stream"
        assert "no-cache" in headers["cache-control"]
        assert isinstance(response.body, AsyncIterator)
        api.management.live_log.close()
        return [piece async for piece in response.body]

    assert b'"message":"something, queue=q"' in b"".join(api.runs(run()))
    assert api.management.live_log.watcher_count == 0


def test_who_may_watch() -> None:
    api = Api()
    for tag, status in (("management", 401), ("policymaker", 401), ("monitoring", 200)):
        api.has_user(tag, tag)
        assert api.asks("GET", "/livelog", user=tag).status == status
    assert api.management.live_log.watcher_count == 0  # nobody has read any of it


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
def test_levels(level: str) -> None:
    api = Api()
    assert api.asks("GET", f"/livelog?level={level}").status == 200
    assert api.asks("GET", f"/livelog?level={level}s").status == 400
