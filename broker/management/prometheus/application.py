"""Answers scrapes: /metrics, /metrics/per-object and /metrics/detailed?family=…&vhost=….

Putting an answer together takes some milliseconds, or with thousands of queues some dozens: it is
done in slices, in one `Lane` with everything else that takes long. What is short is sent whole,
what is long as it is made.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import unquote

from broker.management.lane import Breath
from broker.management.prometheus import scrape
from broker.management.prometheus.exposition import CONTENT_TYPE, Pieces, head, labels, number
from broker.management.prometheus.families import FAMILIES
from broker.management.request import (
    Refusal,
    Request,
    Response,
    method_not_allowed,
    not_found,
    values_of,
)

if TYPE_CHECKING:
    from broker.management.service import Management

ALLOWED = "HEAD, GET, OPTIONS"
DEFAULT, PER_OBJECT, DETAILED = "default", "per-object", "detailed"
REGISTRIES = (DEFAULT, PER_OBJECT, DETAILED)
CHUNK = 32 * 1024  # octets that are sent at a time
WHOLE_MAX = 128 * 1024  # octets of an answer that is sent at once


class Metrics:
    """An application like that of the HTTP API. There is no login, as with RabbitMQ."""

    def __init__(self, management: Management):
        settings = management.node.config.prometheus
        self._management = management
        self._path = "/" + settings.path.strip("/")
        self._is_per_object = settings.per_object
        self._telemetry = {registry: Telemetry(registry) for registry in REGISTRIES}

    def body_limit(self, method: str, path: str) -> int:
        """There is nothing to be told."""
        return 0

    async def handle(self, request: Request) -> Response:
        """Never raises, but for being cancelled."""
        try:
            return await self._answer(request)
        except Refusal as refusal:
            return refusal.response()
        except Exception:
            self._management.node.on_bug("a scrape failed, path=%s", request.path)
            return Refusal(500, "internal_server_error", "Internal Server Error").response()

    async def _answer(self, request: Request) -> Response:
        registry = self._registry(request.path)
        if request.method == "OPTIONS":
            return Response(200, [("allow", ALLOWED)])
        if request.method not in ("GET", "HEAD"):
            raise method_not_allowed(ALLOWED)
        if not takes_text(request.headers.get("accept", "*/*")):
            return Response(406)
        if request.method == "HEAD":
            return Response(204)  # so does RabbitMQ, for whatever there may be
        if registry not in REGISTRIES:
            return Response(404, [("content-type", "text/plain")], b"Unknown Registry")
        return await self._scraped(registry, request)

    def _registry(self, path: str) -> str:
        """Raises: Refusal, for a path that does not lead here."""
        if path != self._path and not path.startswith(f"{self._path}/"):
            raise not_found()
        rest = path[len(self._path) :].strip("/")
        if "/" in rest:
            raise not_found()
        return unquote(rest) or DEFAULT

    def _pieces(self, registry: str, request: Request) -> Pieces:
        if registry == DETAILED:
            names = values_of(request.query, "vhost")
            return scrape.detailed(
                self._management, values_of(request.query, "family"), names or None
            )
        is_per_object = registry == PER_OBJECT or self._is_per_object
        return scrape.metrics(self._management, per_object=is_per_object)

    async def _scraped(self, registry: str, request: Request) -> Response:
        chunks = self._chunks(registry, request)
        headers = [("content-type", CONTENT_TYPE)]
        first: list[bytes] = []
        size = 0
        async for chunk in chunks:
            first.append(chunk)
            size += len(chunk)
            if size > WHOLE_MAX:
                return Response(200, headers, _joined(first, chunks))
        return Response(200, headers, b"".join(first))

    async def _chunks(self, registry: str, request: Request) -> AsyncGenerator[bytes, None]:
        """The answer, in slices; notes how long it took and how long it was."""
        breath = Breath(self._management.lane)
        began = perf_counter()
        waited_s, size = 0.0, 0
        pending: list[bytes] = []
        waiting = 0
        for piece in self._pieces(registry, request):
            pending.append(piece)
            waiting += len(piece)
            if waiting < CHUNK and not breath.is_over:
                continue
            resting = perf_counter()
            if waiting >= CHUNK:
                size += waiting
                yield b"".join(pending)
                pending.clear()
                waiting = 0
            await breath.rest()
            waited_s += perf_counter() - resting
        telemetry = self._telemetry[registry]
        pending.append(telemetry.lines())
        telemetry.note(perf_counter() - began - waited_s, size + waiting)
        yield b"".join(pending)


async def _joined(
    first: list[bytes], rest: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):  # whoever asked may hang up
        for chunk in first:
            yield chunk
        async for chunk in rest:
            yield chunk


class Telemetry:
    """Of the scrapes of one registry: how many, how long they took and were."""

    def __init__(self, registry: str):
        self._labels = labels(registry=registry, content_type=CONTENT_TYPE)
        self._count = self._octets = 0
        self._seconds = 0.0

    def note(self, seconds: float, octets: int) -> None:
        self._count += 1
        self._seconds += seconds
        self._octets += octets

    def lines(self) -> bytes:
        """What it was before this scrape. Who compresses an answer does not tell how much."""
        sums = {
            "telemetry_scrape_size_bytes": self._octets,
            "telemetry_scrape_duration_seconds": self._seconds,
        }
        text = ""
        for family in FAMILIES["telemetry"]:
            text += head(family.name, family)
            if self._count and family.name in sums:
                text += f"{family.name}_count{self._labels} {self._count}\n"
                text += f"{family.name}_sum{self._labels} {number(sums[family.name])}\n"
        return text.encode()


def takes_text(accept: str) -> bool:
    """Whether plain text is among what a header Accept names, and not with q=0."""
    for entry in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in entry.split(";"))
        if kind in ("*/*", "text/*", "text/plain", "*"):
            weights = [part[2:] for part in parameters if part.startswith("q=")]
            if not weights or weights[0].strip("0.") != "":
                return True
    return False
