"""The process of a node and its app, as `leveretctl` starts and stops them."""

from __future__ import annotations

import asyncio
import os

from broker.amqp.erlang import Atom
from broker.control.actions import Asked, action
from broker.control.host import Failure, refused

POLL_S = 0.05


@action(needs_app=False)
async def ping(asked: Asked) -> None:
    """The answer is that there is one."""


@action(needs_app=False)
async def pid(asked: Asked) -> int:
    return os.getpid()


@action(needs_app=False)
async def stop(asked: Asked) -> None:
    """The process ends as it should; its control socket is the last that it closes."""
    asked.host.halt()


@action(needs_app=False)
async def stop_app(asked: Asked) -> None:
    await asked.host.stop_app()


@action(needs_app=False)
async def start_app(asked: Asked) -> None:
    """Raises: Failure."""
    await asked.host.start_app()


@action(needs_app=False)
async def reset(asked: Asked) -> None:
    """Raises: Failure."""
    await asked.host.reset()


@action(needs_app=False)
async def suspend_listeners(asked: Asked) -> None:
    """Nobody can connect until they are resumed; who is connected stays. Raises: Failure."""
    _check_listeners(asked)
    asked.host.suspend_listeners()


@action(needs_app=False)
async def resume_listeners(asked: Asked) -> None:
    """Raises: Failure."""
    _check_listeners(asked)
    asked.host.suspend_listeners(is_over=True)


def _check_listeners(asked: Asked) -> None:
    """Raises: Failure: in RabbitMQ their table is gone with the app."""
    if asked.host.node is None:
        table = [Atom("rabbit_listener"), Atom(asked.host.name)]
        raise refused("aborted", (Atom("no_exists"), table))


@action(needs_app=False)
async def state(asked: Asked) -> dict[str, bool]:
    """running: clients are served; booting: they will be."""
    host = asked.host
    return {"running": host.node is not None, "booting": host.is_starting}


@action(needs_app=False)
async def await_startup(asked: Asked) -> None:
    """Until clients are served. Raises: Failure: nobody is about to."""
    while asked.host.node is None:
        if not asked.host.is_starting:
            raise Failure("rabbit_is_not_running")
        await asyncio.sleep(POLL_S)


@action()
async def running_count(asked: Asked) -> int:
    """Nodes of the cluster that run."""
    return 1
