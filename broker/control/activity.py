"""What the threads of a node do, and whether anything in it makes no progress."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from broker.amqp.erlang import Atom, CharList, printed
from broker.control.actions import Asked, action
from broker.control.host import refused
from broker.node import Node
from broker.session.connection import Connection

TASKS = Path("/proc/self/task")
STUCK_MS, ROUND_MS = 5_000, 500  # as RabbitMQ
DELAY_S = 0.1  # of the event loop, that is worth a word
# Where a thread waits for something to do.
_IDLE = {"wait", "get", "select", "poll", "run_once", "_worker", "recv", "accept"}
STACK_MAX = 8  # calls that are shown
BATCH = 200  # connections that are looked at in one go


class Spent(NamedTuple):
    """Processor time of a thread in microseconds."""

    name: str
    user: int
    system: int


def spent() -> dict[int, Spent]:
    """By thread. Raises: OSError: the system does not tell."""
    tick = 1_000_000 // os.sysconf("SC_CLK_TCK")
    found = {}
    for entry in os.listdir(TASKS):
        try:
            text = (TASKS / entry / "stat").read_text()
        except OSError:  # it has just ended
            continue
        head, _, rest = text.rpartition(")")
        fields = rest.split()
        name = head.partition("(")[2]
        found[int(entry)] = Spent(name, int(fields[11]) * tick, int(fields[12]) * tick)
    return found


@action()
async def threads(asked: Asked, interval_ms: int) -> dict[Atom, Any]:
    """What each has done meanwhile, as shares of the time. Raises: Failure."""
    try:
        before, began = await asyncio.to_thread(spent), time.perf_counter()
        await asyncio.sleep(interval_ms / 1000)
        after, ended = await asyncio.to_thread(spent), time.perf_counter()
    except OSError:
        raise refused("enotsup") from None
    elapsed_us = max(1, int((ended - began) * 1_000_000))
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    rows = []
    for thread, now in sorted(after.items()):
        then = before.get(thread, Spent(now.name, 0, 0))
        shares = [(now.user - then.user) / elapsed_us, (now.system - then.system) / elapsed_us]
        shares = [min(1.0, max(0.0, share)) for share in shares]
        rows.append((names.get(thread, now.name), thread, *shares))
    return {Atom("real_time_us"): elapsed_us, Atom("threads"): rows}


# what is stuck


@action()
async def stuck(asked: Asked) -> AsyncIterator[str | None]:
    """Lines, for as long as it is looked."""
    node = asked.node
    stacks = {ident: _stack(frame) for ident, frame in _busy().items()}
    waiting = await _waiting(node)
    yield f"{_now()} There are {threading.active_count()} threads."
    slowest_s = 0.0
    for left_ms in range(STUCK_MS, 0, -ROUND_MS):
        suspects = len(stacks) + len(waiting)
        yield f"{_now()} Investigated {suspects} suspects this round, {left_ms}ms to go."
        yield None
        began = time.perf_counter()
        await asyncio.sleep(ROUND_MS / 1000)
        slowest_s = max(slowest_s, time.perf_counter() - began - ROUND_MS / 1000)
        busy = _busy()
        stacks = {
            ident: stack
            for ident, stack in stacks.items()
            if ident in busy and _stack(busy[ident]) == stack
        }
        if waiting:
            still = await _waiting(node)
            waiting = {key: sent for key, sent in waiting.items() if still.get(key) == sent}
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    found: list[Any] = [
        [(Atom("thread"), CharList(names.get(ident, str(ident)))), (Atom("stacktrace"), stack)]
        for ident, stack in stacks.items()
    ]
    found += [
        [(Atom("connection"), CharList(name)), (Atom("octets_pending"), sent[1])]
        for name, sent in waiting.items()
    ]
    if slowest_s > DELAY_S:
        found.append([(Atom("event_loop_delayed_ms"), int(slowest_s * 1000))])
    yield f"{_now()} Found {len(found)} suspicious things."
    for one in found:
        yield f"{_now()} {printed(one, 20)}"


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


def _busy() -> dict[int, FrameType]:
    """Other threads that do not wait for work."""
    own = threading.get_ident()
    return {
        ident: frame
        for ident, frame in sys._current_frames().items()
        if ident != own and frame.f_code.co_name not in _IDLE
    }


def _stack(frame: FrameType) -> list[CharList]:
    """Where it is, the innermost call first."""
    calls: list[CharList] = []
    where: FrameType | None = frame
    while where is not None and len(calls) < STACK_MAX:
        code = where.f_code
        calls.append(CharList(f"{Path(code.co_filename).name}:{where.f_lineno} {code.co_name}"))
        where = where.f_back
    return calls


async def _waiting(node: Node) -> dict[str, tuple[int, int]]:
    """Connections that take nothing of what is sent to them: octets sent, and still to be sent."""
    found = {}
    for count, peer in enumerate(list(node.peers.values()), 1):
        if isinstance(peer, Connection) and peer.is_paused:
            found[peer.name] = (peer.sent_octets, peer.outbox_octets)
        if count % BATCH == 0:
            await asyncio.sleep(0)
    return found
