"""Management is loaded when the node serves clients already.

What it takes to import all of it, a third of a start, nobody waits for: the listeners are open, and
some milliseconds later the modules come one after another, with a turn of the node between two. A
request that is earlier waits until they are all there.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from broker.management.request import Request, Response
    from broker.management.service import Listening, Management
    from broker.node import Node

log = logging.getLogger("broker.management")

PACKAGE = "broker.management"
# Those that others need come first: so no step brings many modules at once.
STEPS = (
    *("request", "routes", "lane", "remembered", "pattern_cost", "negotiation", "multipart"),
    *("statistics", "views", "operations", "", "prometheus", "api"),
)
# What a node in memory has not imported, and all others have.
STORE = ("broker.store.files", "broker.store.queue_log", "broker.store.commit_log")
LATER_S = 0.02  # after the listeners are open: the first clients come before
PAUSE_S = 0.002  # between two modules
RETRY_S = 5.0  # after one that could not be read
BODY_MAX = 64 * 1024 * 1024  # octets that the first request may have, whatever it is


def module_names() -> Iterator[str]:
    """All modules but the description of the API, in the order in which they are imported; before
    them what they need of the store."""
    yield from STORE
    root = Path(__file__).parent
    seen = set()
    for step in STEPS:
        directory = root / step
        names = [step]
        if not step or directory.is_dir():
            names = [f"{step}.{path.stem}".lstrip(".") for path in sorted(directory.glob("*.py"))]
        for name in names:
            if name not in seen and not name.endswith("__init__"):
                seen.add(name)
                yield f"{PACKAGE}.{name}"


class Loading:
    """Makes the `Management` of a node. listening: all listeners of the node."""

    def __init__(self, node: Node, listening: Callable[[], Sequence[Listening]]):
        self._node = node
        self._listening = listening
        self.management: Management | None = None
        self._names = module_names()
        self._next: str | None = None  # the module that is to be imported now
        self._timer: asyncio.TimerHandle | None = None
        self._began_ms = node.clock.now_ms()
        self._is_stopped = False

    def start(self) -> None:
        """The listeners are open."""
        self._timer = asyncio.get_running_loop().call_later(LATER_S, self._step)

    def stop(self) -> None:
        self._is_stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.management is not None:
            self.management.stop()

    def _step(self) -> None:
        self._timer = None
        pause_s = PAUSE_S
        try:
            if not self._load_next():
                return
        except OSError as error:  # most likely there is no descriptor left; later there may be
            log.warning("management cannot be loaded yet: %s", error.strerror or error)
            pause_s = RETRY_S
        self._timer = asyncio.get_running_loop().call_later(pause_s, self._step)

    def _load_next(self) -> bool:
        """Import one module more. Returns: whether there may be others. Raises: OSError; then it is
        still to be imported."""
        self._next = self._next or next(self._names, None)
        if self._next is not None:
            importlib.import_module(self._next)
            self._next = None
            return True
        if self.management is None:
            from broker.management.service import Management

            self.management = Management(self._node, self._listening, began_ms=self._began_ms)
            if not self._is_stopped:
                self.management.start()
            if gc.get_freeze_count():  # what stays need not be looked at, as at the start
                gc.freeze()
        return False

    async def loaded(self) -> Management:
        """What there is once everything is imported."""
        for _ in iter(self._load_next, False):
            await asyncio.sleep(0)
        assert self.management is not None
        return self.management


class Later:
    """An application of which there is nothing yet. make: makes it of the management."""

    def __init__(self, loading: Loading, make: Callable[[Management], Any]):
        self._loading = loading
        self._make = make
        self._application: Any = None

    def body_limit(self, method: str, path: str) -> int:
        """Octets that the body of such a request may have."""
        if self._application is None:
            return BODY_MAX
        limit: int = self._application.body_limit(method, path)
        return limit

    async def handle(self, request: Request) -> Response:
        """Never raises, but for being cancelled."""
        if self._application is None:
            management = await self._loading.loaded()
            self._application = self._application or self._make(management)
        response: Response = await self._application.handle(request)
        return response


def http_api(management: Management) -> Any:
    from broker.management.application import Application

    return Application(management)


def metrics(management: Management) -> Any:
    from broker.management.prometheus.application import Metrics

    return Metrics(management)
