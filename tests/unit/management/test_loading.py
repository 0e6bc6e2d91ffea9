"""Management comes when the node is there: module by module, and before the first answer."""

from __future__ import annotations

import asyncio
import errno
import subprocess
import sys
from pathlib import Path

import pytest

from broker.management import loading
from broker.management.loading import BODY_MAX, Later, Loading, http_api, metrics, module_names
from broker.management.request import Request
from tests.support.peer import World


def nothing_listens() -> list[tuple[str, int, int]]:
    return []


def test_every_module_is_among_the_steps() -> None:
    root = Path(loading.__file__).parent
    there = {
        "broker.management." + ".".join(path.relative_to(root).with_suffix("").parts)
        for path in root.rglob("*.py")
        if path.stem != "__init__" and path.parent.name != "openapi"
    }
    names = list(module_names())
    assert len(set(names)) == len(names)
    assert {name for name in names if not name.endswith((".statistics", ".views"))} >= there


def test_no_step_brings_many_others() -> None:
    """In a process of its own: here everything is imported."""
    program = (
        "import sys, importlib\n"
        "import broker.boot, broker.server.http, broker.management.loading as loading\n"
        "worst = 0\n"
        "for name in loading.module_names():\n"
        "    before = len([m for m in sys.modules if m.startswith('broker.')])\n"
        "    importlib.import_module(name)\n"
        "    after = len([m for m in sys.modules if m.startswith('broker.')])\n"
        "    worst = max(worst, after - before)\n"
        "print(worst)\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True
    ).stdout
    assert int(printed) <= 10


def test_a_start_does_not_pay_for_it() -> None:
    program = (
        "import sys, broker.boot, broker.server.http\n"
        "print([m for m in sys.modules if m.startswith('broker.management.')])\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True
    ).stdout
    assert printed.decode().strip() == "['broker.management.request']"


async def answered(application: Later, path: str) -> int:
    return (await application.handle(Request("GET", path, is_loopback=True))).status


def test_early_requests_wait_and_share_one() -> None:
    async def run() -> None:
        found = Loading(World().node, nothing_listens)  # type: ignore[arg-type]
        api, numbers = Later(found, http_api), Later(found, metrics)
        assert api.body_limit("POST", "/api/definitions") == BODY_MAX
        statuses = await asyncio.gather(
            answered(api, "/api/auth"), answered(api, "/api/auth"), answered(numbers, "/metrics")
        )
        assert statuses == [200, 200, 200]
        assert found.management is not None
        assert api.body_limit("PUT", "/api/users/x") < BODY_MAX
        found.stop()

    asyncio.run(run())


def test_it_is_loaded_without_anybody_asking() -> None:
    async def run() -> None:
        found = Loading(World().node, nothing_listens)  # type: ignore[arg-type]
        found.start()
        while found.management is None:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)
        found.stop()

    asyncio.run(run())


def test_a_node_that_stops_meanwhile_leaves_nothing_behind() -> None:
    async def run() -> None:
        found = Loading(World().node, nothing_listens)  # type: ignore[arg-type]
        found.start()
        found.stop()
        management = await found.loaded()  # for a request that was under way
        assert found.management is management
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        assert tasks == set()
        await asyncio.sleep(0.05)

    asyncio.run(run())


def test_a_module_that_cannot_be_read_now_is_read_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """There was no descriptor left."""
    asked: list[str] = []

    def no_module(name: str) -> None:
        asked.append(name)
        if len(asked) == 2:
            raise OSError(errno.EMFILE, "Too many open files")

    async def main() -> None:
        monkeypatch.setattr(loading, "RETRY_S", 0.0)
        monkeypatch.setattr(loading, "module_names", lambda: iter("abc"))
        monkeypatch.setattr(loading.importlib, "import_module", no_module)
        loads = Loading(World().node, nothing_listens)
        loads.start()
        while loads.management is None:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.001)
        loads.stop()

    asyncio.run(main())
    assert asked[:4] == ["a", "b", "b", "c"]
    assert caplog.messages == ["management cannot be loaded yet: Too many open files"]
