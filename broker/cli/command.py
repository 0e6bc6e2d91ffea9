"""What a command of the tools is: its grammar, what it says first, and what it does.

A group of commands is a module of `broker/cli/commands/`; `index.py` says which command is where,
so that a call imports one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, Any, NamedTuple

from broker.amqp.erlang import Atom
from broker.cli.errors import NodeDownError, TimedOutError, not_enough, too_many
from broker.cli.link import Link, TimeIsUp

CTL, DIAGNOSTICS, PLUGINS, QUEUES = "ctl", "diagnostics", "plugins", "queues"
TOOLS = {
    "rabbitmqctl": CTL,
    "rabbitmq-diagnostics": DIAGNOSTICS,
    "rabbitmq-plugins": PLUGINS,
    "rabbitmq-queues": QUEUES,
    "leveretctl": "",  # all of them
}

# Sections of the help, in its order
(HELP, NODES, CLUSTER, REPLICATION, USERS, ACCESS, MONITORING, PARAMETERS, POLICIES, VHOSTS) = (
    *("Help", "Nodes", "Cluster", "Replication", "Users", "Access Control"),
    *("Monitoring, observability and health checks", "Parameters", "Policies", "Virtual hosts"),
)
(MESSAGING, CONFIGURATION, DEFINITIONS, FEATURE_FLAGS, OPERATIONS, QUEUES_SECTION) = (
    *("Messaging", "Configuration and Environment", "Definitions", "Feature flags"),
    *("Operations", "Queues"),
)
PLUGIN_SECTION, OTHER, DEPRECATED = "Plugin Management", "Other", "Deprecated"
SECTIONS = (
    *(HELP, NODES, CLUSTER, REPLICATION, USERS, ACCESS, MONITORING, PARAMETERS, POLICIES, VHOSTS),
    *(MESSAGING, CONFIGURATION, DEFINITIONS, FEATURE_FLAGS, OPERATIONS, PLUGIN_SECTION),
    *(QUEUES_SECTION, OTHER, DEPRECATED),
)

# What a command needs of the node before it begins
RUNNING, STOPPED, REACHABLE, NOTHING = "running", "stopped", "reachable", "nothing"

SWITCH, TEXT, INTEGER = "switch", "text", "integer"
GLOBAL_SWITCHES = {
    **dict.fromkeys(
        ("quiet", "silent", "dry_run", "longnames", "help", "print_stacktrace"), SWITCH
    ),
    **dict.fromkeys(("node", "vhost", "formatter", "printer", "file", "script_name"), TEXT),
    **dict.fromkeys(("rabbitmq_home", "mnesia_dir", "plugins_dir", "enabled_plugins_file"), TEXT),
    **dict.fromkeys(("aliases_file", "erlang_cookie", "data_dir", "ready_file"), TEXT),
    "timeout": INTEGER,
}
GLOBAL_LETTERS = {
    "p": "vhost",
    "n": "node",
    "q": "quiet",
    "s": "silent",
    "l": "longnames",
    "t": "timeout",
    "?": "help",
}


class _Done:
    """See `DONE`."""


DONE = _Done()  # a command has done what it was asked to, and has nothing to show


class Said(NamedTuple):
    """A value that stands beside "result" and "node" when it is shown as JSON."""

    value: Any


class Exit(NamedTuple):
    """A command has shown everything itself."""

    code: int


class Rows(NamedTuple):
    """Values one after another; mostly lists of pairs."""

    items: Iterable[Any]


def listed(items: Iterable[Any]) -> Any:
    """Items that come all at once: RabbitMQ's tools take none of them for a value, not a stream."""
    found = list(items)
    return Rows(found) if found else []


Output = Any  # DONE, None (nothing at all), Said, Rows, or a term


class Call:
    """One command as it was called: arguments and options with their defaults in place."""

    def __init__(
        self,
        command: Command,
        tool: str,
        arguments: list[str],
        options: dict[str, Any],
        environment: Mapping[str, str],
        streams: Streams,
    ):
        self.command = command
        self.tool = tool
        self.arguments = arguments
        self.options = options
        self.given: dict[str, Any] = {}  # of them: as they stood there
        self.environment = environment
        self.streams = streams
        self._link: Link | None = None
        self._connect: Callable[[], Link] | None = None

    @property
    def node(self) -> str:
        """The name of the node that is asked."""
        return str(self.options["node"])

    @property
    def is_quiet(self) -> bool:
        return bool(self.options.get("quiet") or self.options.get("silent"))

    @property
    def vhost(self) -> str:
        return str(self.options["vhost"])

    @property
    def timeout_ms(self) -> int | None:
        timeout = self.options.get("timeout")
        return timeout if isinstance(timeout, int) else None

    @property
    def link(self) -> Link:
        """Raises: NodeDownError."""
        self.connect()
        assert self._link is not None
        return self._link

    def connect(self) -> None:
        """Raises: NodeDownError."""
        if self._link is None:
            assert self._connect is not None
            self._link = self._connect()

    def connect_by(self, connect: Callable[[], Link]) -> None:
        self._connect = connect

    def is_reachable(self) -> bool:
        """Whether there is a node to ask. Looked up anew each time."""
        try:
            self.connect()
        except NodeDownError:
            return False
        return True

    def close(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def ask(self, what: str, **given: Any) -> Any:
        """Have the node do something. what: an action of `broker/control`. Raises: ToolError."""
        try:
            return self.link.ask(what, self.timeout_ms, **given)
        except TimeIsUp:
            raise self.timed_out() from None

    def rows(self, what: str, **given: Any) -> Iterator[list[tuple[Atom, Any]]]:
        """What comes in rows. Raises: ToolError, also in the midst of them."""
        for row in self.stream(what, **given):
            yield [(Atom(key), value) for key, value in row]

    def stream(self, what: str, **given: Any) -> Iterator[Any]:
        """What comes in terms of any kind. Raises: likewise."""
        try:
            yield from self.link.rows(what, self.timeout_ms, **given)
        except TimeIsUp:
            raise self.timed_out() from None

    def flushed(self, items: Iterable[Any]) -> Iterator[Any]:
        """The same, each written out before there is another: who reads sees it when it comes."""
        for item in items:
            yield item
            self.streams.stdout.flush()

    def timed_out(self) -> TimedOutError:
        timeout = self.options.get("timeout")
        shown: object = timeout
        if isinstance(timeout, int) and self.command.shows_seconds:
            shown = timeout / 1000
        return TimedOutError(self.command.name, self.node, shown, self.command.timeout_hint)


class Streams(NamedTuple):
    """Where a tool reads and writes."""

    stdin: IO[str]
    stdout: IO[str]
    stderr: IO[str]


class Command(NamedTuple):
    """See the module. No dataclass: those cost 6 ms of each call of a tool.

    usage: what stands behind the tool's name and the general options; several lines: several ways.
    description: one sentence without its full stop. topics: of the help page, what and about it.
    arity: how many arguments there may be, at least and at most (None: any number).
    validate: raises InvalidError. banner: text with {0}, {1} for arguments and {name} for options,
    or a function; printed before the command begins. defaults: of options. default_arguments: in
    place of none. timeout_ms: when none is given; needs: RUNNING, STOPPED, REACHABLE, or NOTHING.
    """

    name: str
    run: Callable[[Call], Output]
    usage: str | Sequence[str]
    description: str
    section: str
    tools: Sequence[str] = (CTL,)
    topics: Sequence[tuple[str, str]] = ()
    switches: Mapping[str, str] = {}
    letters: Mapping[str, str] = {}
    has_timeout: bool = False
    timeout_ms: int | None = None
    arity: tuple[int, int | None] = (0, 0)
    default_arguments: Sequence[str] = ()
    defaults: Mapping[str, Any] = {}
    validate: Callable[[Call], None] | None = None
    needs: str = RUNNING
    banner: str | Callable[[Call], str | None] | None = None
    formatter: str = "string"
    shows_seconds: bool = False
    timeout_hint: str = ""

    def check(self, call: Call) -> None:
        """Raises: InvalidError."""
        least, most = self.arity
        if len(call.arguments) < least:
            raise not_enough()
        if most is not None and len(call.arguments) > most:
            raise too_many()
        if self.validate is not None:
            self.validate(call)

    def greeting(self, call: Call) -> str | None:
        if callable(self.banner):
            return self.banner(call)
        if self.banner is None:
            return None
        return self.banner.format(*call.arguments, **call.options)


_COMMANDS: dict[str, Command] = {}


def command(name: str, **facts: Any) -> Callable[[Callable[[Call], Output]], Command]:
    """Enter a function as what a command does. facts: see `Command`."""

    def enter(function: Callable[[Call], Output]) -> Command:
        made = _COMMANDS[name] = Command(name=name, run=function, **facts)
        return made

    return enter


def entered(name: str) -> Command:
    """Raises: KeyError: its module has not been imported, or does not have it."""
    return _COMMANDS[name]
