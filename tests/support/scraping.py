"""The metrics of a node without a socket: scraped, and read by prometheus_client.

page = scraper.scrapes("/metrics/per-object")
assert page.value("rabbitmq_queue_messages_ready", vhost="/", queue="q") == 3
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from broker.management.prometheus.application import Metrics
from broker.management.request import Request, Response, parse_query
from tests.support.api import Api
from tests.support.peer import World


@dataclass
class Page:
    """What a scrape brought. text: as it came."""

    text: str

    @property
    def families(self) -> dict[str, dict[str, Any]]:
        return shape_of(self.text)

    @property
    def names(self) -> list[str]:
        """Of the families, as they are written, in order."""
        return [line.split(" ")[2] for line in self.text.splitlines() if line.startswith("# TYPE")]

    def samples(self, name: str) -> dict[tuple[tuple[str, str], ...], float]:
        """By their labels, sorted."""
        return {
            tuple(sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
            if sample.name == name
        }

    def value(self, name: str, /, **labels: str) -> float:
        """Of the one sample with exactly these labels."""
        return self.samples(name)[tuple(sorted(labels.items()))]


def shape_of(text: str) -> dict[str, dict[str, Any]]:
    """Families by name: type, help text, and which labels their samples have."""
    found: dict[str, dict[str, Any]] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in found, f"{name} is there twice"
            found[name] = {"type": kind, "help": "", "labels": []}
        elif line.startswith("# HELP "):
            _, _, name, text_of = line.split(" ", 3)
            found[name]["help"] = text_of
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = sample.name if sample.name in found else sample.name.rpartition("_")[0]
            names = sorted(set(sample.labels) - {"le"})
            if names not in found[name]["labels"]:
                found[name]["labels"] = sorted([*found[name]["labels"], names])
    return found


class Scraper(Api):
    """Who asks for metrics."""

    def __init__(self, world: World | None = None):
        super().__init__(world)
        self.metrics = Metrics(self.management)

    async def _whole(self, request: Request) -> Response:
        response = await self.metrics.handle(request)
        if not isinstance(response.body, bytes):
            response.body = b"".join([piece async for piece in response.body])
        return response

    def answers(self, method: str, target: str, **headers: str) -> Response:
        path, _, query = target.partition("?")
        request = Request(method, path, parse_query(query), headers)
        bugs = self.node.bug_count
        response: Response = asyncio.run(self._whole(request))
        assert self.node.bug_count == bugs, "a scrape failed"
        return response

    def scrapes(self, target: str = "/metrics") -> Page:
        response = self.answers("GET", target)
        assert response.status == 200
        assert isinstance(response.body, bytes)
        return Page(response.body.decode())

    def looks(self, *, after_ms: int = 1_000) -> None:
        """Time goes by; then the observer of ages looks."""
        self.world.passes(after_ms)
        for _ in self.management.observer.look():
            pass
