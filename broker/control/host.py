"""What the command line tools can ask of: the process of a node.

It outlives its broker (RabbitMQ's "app"): `stop_app` ends that, and the tools are answered still.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from broker.amqp.erlang import Atom

if TYPE_CHECKING:
    from broker.config import Config
    from broker.log_output import LogOutput
    from broker.management.service import Management
    from broker.node import Node

# sysexits.h, as RabbitMQ's tools use it
OK, USAGE, DATA_ERROR, NO_USER, UNAVAILABLE, SOFTWARE, TEMPORARY, CONFIG = (
    *(0, 64, 65, 67, 69, 70, 75, 78),
)


class Failure(Exception):  # noqa: N818 - an answer, not a mistake
    """What was asked cannot be done. The text is RabbitMQ's; code: the exit code of the tool.

    kind: "error" is shown below "Error:", "plain" and "check" as they are; "stopped", "running":
    the app is, and must not be. reason: what RabbitMQ gives instead of a text, as a term.
    """

    def __init__(
        self, text: str, code: int = UNAVAILABLE, *, kind: str = "error", reason: object = None
    ):
        super().__init__(text)
        self.text = text
        self.code = code
        self.kind = kind
        self.reason = reason


def refused(word: str, *values: object) -> Failure:
    """With a reason that is an atom, or one and what it is about."""
    reason = (Atom(word), *values) if values else Atom(word)
    return Failure(word, kind="reason", reason=reason)


class Listens(NamedTuple):
    """One listener, as the gateway has it: "amqp", "amqp/ssl", "http", …; port 0: a Unix socket."""

    protocol: str
    host: str
    port: int


class Host(Protocol):
    """The process. node, management: None while the app is stopped (management: or disabled)."""

    @property
    def name(self) -> str: ...
    @property
    def config(self) -> Config: ...
    @property
    def node(self) -> Node | None: ...
    @property
    def management(self) -> Management | None: ...
    @property
    def listening(self) -> Sequence[Listens]: ...
    @property
    def is_starting(self) -> bool: ...
    @property
    def began_ms(self) -> int: ...
    @property
    def uptime_s(self) -> int: ...
    @property
    def active_plugins(self) -> list[str]:
        """RabbitMQ's names of the parts that are on."""

    @property
    def enabled_plugins(self) -> frozenset[str]:
        """The explicitly enabled ones, on or not. Raises: Failure."""

    @property
    def enabled_plugins_file(self) -> str:
        """ "": they are kept nowhere."""

    config_files: tuple[str, ...]

    @property
    def log_output(self) -> LogOutput: ...
    @property
    def log_files(self) -> tuple[str, ...]: ...
    @property
    def cookie_hash(self) -> str: ...

    async def start_app(self) -> None:
        """Raises: Failure."""

    async def stop_app(self) -> None: ...
    async def reset(self) -> None:
        """Forget everything. Raises: Failure, while the app runs."""

    def suspend_listeners(self, *, is_over: bool = False) -> None:
        """Of clients. is_over: let them in again. Raises: Failure."""

    def set_log_level(self, level: str) -> None:
        """Of everything that is logged. level: one of Erlang's, or "none". Raises: ValueError."""

    async def change_plugins(self, change: Callable[[frozenset[str]], frozenset[str]]) -> None:
        """Have others explicitly enabled. Raises: Failure, and what change does."""

    def halt(self) -> None:
        """End the process, soon and gracefully."""
