"""Paths, methods and content types, as RabbitMQ answers them; how long answers are sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from broker.commands import DeclareQueue
from broker.management.prometheus.application import Metrics, takes_text
from broker.management.request import Request
from tests.support.peer import World
from tests.support.scraping import Scraper

TEXT = "text/plain; version=0.0.4"


@pytest.fixture
def scraper(world: World) -> Scraper:
    return Scraper(world)


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/metrics/",
        "/metrics/default",
        "/metrics/per-object",
        "/metrics/per-object/",
        "/metrics/per%2Dobject",
        "/metrics/detailed",
    ],
)
def test_what_is_served(scraper: Scraper, path: str) -> None:
    response = scraper.answers("GET", path)
    assert (response.status, dict(response.headers)) == (200, {"content-type": TEXT})
    assert isinstance(response.body, bytes)
    assert response.body.endswith(b"\n")


def test_unknown_registries(scraper: Scraper) -> None:
    response = scraper.answers("GET", "/metrics/memory-breakdown")
    assert (response.status, response.body) == (404, b"Unknown Registry")
    assert dict(response.headers) == {"content-type": "text/plain"}


@pytest.mark.parametrize(
    "path", ["/", "/foo", "/metrics/default/x", "/metricsfoo", "/api/overview"]
)
def test_other_paths(scraper: Scraper, path: str) -> None:
    response = scraper.answers("GET", path)
    assert response.status == 404
    assert response.body == b'{"error":"Object Not Found","reason":"Not Found"}'


def test_methods(scraper: Scraper) -> None:
    assert scraper.answers("HEAD", "/metrics").status == 204
    allowed = {"allow": "HEAD, GET, OPTIONS"}
    for method, status in (("OPTIONS", 200), ("POST", 405), ("PUT", 405), ("DELETE", 405)):
        response = scraper.answers(method, "/metrics")
        assert (response.status, dict(response.headers)) == (status, allowed)
        assert response.body == b""


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        ("text/plain", 200),
        ("text/*;q=0.1", 200),
        ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", 200),
        ("application/openmetrics-text; version=1.0.0", 406),
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", 200),
        ("application/json", 406),
        ("text/html", 406),
        ("text/plain;q=0", 406),
    ],
)
def test_content_types(scraper: Scraper, accept: str, status: int) -> None:
    assert takes_text(accept) is (status == 200)
    assert scraper.answers("GET", "/metrics", accept=accept).status == status


def test_the_path_can_be_another() -> None:
    scraper = Scraper(World({"prometheus.path": "/measures"}))
    assert scraper.answers("GET", "/measures/per-object").status == 200
    assert scraper.answers("GET", "/metrics").status == 404


def test_each_object_at_the_usual_path_if_the_settings_say_so() -> None:
    scraper = Scraper(World({"prometheus.return_per_object_metrics": True}))
    scraper.node.execute(DeclareQueue("/", "q"))
    assert scraper.scrapes().value("rabbitmq_queue_messages_ready", vhost="/", queue="q") == 0


def test_scrapes_are_told_of_in_the_next_one(scraper: Scraper) -> None:
    labels = {"registry": "default", "content_type": TEXT}
    first = scraper.scrapes("/metrics")
    assert first.samples("telemetry_scrape_size_bytes_count") == {}
    scraper.scrapes("/metrics/per-object")
    page = scraper.scrapes("/metrics")
    assert page.value("telemetry_scrape_size_bytes_count", **labels) == 1
    told = page.text.index("# TYPE telemetry")
    size = page.value("telemetry_scrape_size_bytes_sum", **labels)
    assert abs(size - told) < 100
    assert page.value("telemetry_scrape_duration_seconds_sum", **labels) > 0


def test_a_bug_is_answered_and_counted(scraper: Scraper) -> None:
    del scraper.management.observer
    response = asyncio.run(scraper.metrics.handle(Request("GET", "/metrics")))
    assert response.status == 500
    assert scraper.node.bug_count == 1


def test_nobody_tells_us_anything(scraper: Scraper) -> None:
    assert scraper.metrics.body_limit("POST", "/metrics") == 0


async def _streamed(metrics: Metrics) -> Any:
    response = await metrics.handle(Request("GET", "/metrics/per-object"))
    assert not isinstance(response.body, bytes)
    return response.body


def test_what_is_long_is_sent_as_it_is_made_and_nobody_waits_for_it(scraper: Scraper) -> None:
    for at in range(1_000):
        scraper.node.execute(DeclareQueue("/", f"q{at}"))
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def scrape() -> int:
        turning = asyncio.get_running_loop().create_task(turn())
        body = await _streamed(scraper.metrics)
        size = 0
        async for chunk in body:
            size += len(chunk)
            assert len(chunk) < 80_000
        turning.cancel()
        return size

    assert asyncio.run(scrape()) > 1_000_000
    assert turns > 20


def test_who_hangs_up_leaves_nothing_behind(scraper: Scraper) -> None:
    for at in range(1_000):
        scraper.node.execute(DeclareQueue("/", f"q{at}"))

    async def scrape() -> None:
        body = await _streamed(scraper.metrics)
        await anext(body)
        await body.aclose()

    asyncio.run(scrape())
    page = scraper.scrapes("/metrics/per-object")
    assert page.samples("telemetry_scrape_size_bytes_count") == {}, "that one was not finished"
