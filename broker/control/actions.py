"""What can be asked of a node by its tools, by name: `users.add_user` is in `control/users.py`.

An action is a coroutine function that returns a term (see `broker/terms.py`), or an asynchronous
generator that yields rows, each a list of pairs. What cannot be done is a `Failure`.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from broker.commands import Command
from broker.control.host import Failure, Host, refused
from broker.management.lane import Breath, Lane

if TYPE_CHECKING:
    from broker.auth.users import User
    from broker.node import Node
    from broker.vhost import VHost

ACTOR = "rmq-cli"  # RabbitMQ's name for whoever uses its tools
PACKAGE = "broker.control"

Row = list[tuple[str, Any]]
Rows = AsyncIterator[Row | None]  # None: send what there is
Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Action:
    """needs_app: it is refused while the app is stopped."""

    function: Function
    needs_app: bool
    is_stream: bool


_ACTIONS: dict[str, Action] = {}


def action(*, needs_app: bool = True) -> Callable[[Function], Function]:
    """Enter a function under its module's and its own name."""

    def enter(function: Function) -> Function:
        name = f"{function.__module__.removeprefix(PACKAGE + '.')}.{function.__name__}"
        _ACTIONS[name] = Action(function, needs_app, inspect.isasyncgenfunction(function))
        return function

    return enter


def find(name: str) -> Action:
    """Imported when somebody asks for it. Raises: LookupError."""
    if name not in _ACTIONS:
        group, _, _ = name.rpartition(".")
        if not group.isidentifier():
            raise LookupError(name)
        try:
            importlib.import_module(f"{PACKAGE}.{group}")
        except ModuleNotFoundError:
            raise LookupError(name) from None
    return _ACTIONS[name]


class Slices:
    """Somebody's work in slices: `take` after every bit of it."""

    __slots__ = ("_asked", "_breath", "_node")

    def __init__(self, asked: Asked, lane: Lane):
        """Raises: Failure: the app has been stopped."""
        self._asked = asked
        self._node = asked.node
        self._breath = Breath(lane)

    @property
    def breath(self) -> Breath:
        """For work of the HTTP API, which asks for one."""
        return self._breath

    async def take(self) -> None:
        """Let others have their turn, when it is time. Raises: Failure: the app has been stopped
        meanwhile, or this is another one by now."""
        if self._breath.is_over:
            await self._breath.rest()
            if self._asked.node is not self._node:
                raise Failure("the app is another one", kind="stopped")


class Asked:
    """One request. host: who is asked; the rest is what most actions need.

    lane: of all who ask, for what takes long; where there is the HTTP API, its own.
    """

    def __init__(self, host: Host, lane: Lane | None = None):
        self.host = host
        self._lane = lane or Lane()

    @property
    def slices(self) -> Slices:
        """For work that goes on for longer than a slice. It begins now."""
        management = self.host.management
        lane = management.lane if management is not None else self._lane
        return Slices(self, lane)

    @property
    def node(self) -> Node:
        """Raises: Failure, when the app has been stopped meanwhile."""
        node = self.host.node
        if node is None:
            raise Failure("the app is not running", kind="stopped")
        return node

    def vhost(self, name: str) -> VHost:
        """Raises: Failure."""
        found = self.node.vhosts.get(name)
        if found is None:
            raise refused("no_such_vhost", name)
        return found

    def user(self, name: str) -> User:
        """Raises: Failure."""
        found = self.node.users.get(name)
        if found is None:
            raise refused("no_such_user", name)
        return found

    def execute(self, command: Command) -> Awaitable[object]:
        """Carry out a change. The result comes when it is on the medium; raises what it raised."""
        import asyncio

        node = self.node
        command.actor = ACTOR
        settled: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        def done(result: object) -> None:
            if settled.done():  # who asked has gone
                return
            if isinstance(result, Exception):
                settled.set_exception(result)
            else:
                settled.set_result(result)

        node.execute(command, done)
        node.request_turn()
        return settled
