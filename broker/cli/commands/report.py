"""All that may be of use to whoever has to find out what is wrong with a node: one long text.

It is put together of what the other commands show. Passwords are not in it: the node masks its
settings, arguments and variables, this command what looks like one in parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from broker.cli.command import CTL, DIAGNOSTICS, MONITORING, Call, Command, Output, Rows, command
from broker.cli.errors import InvalidError, ToolError
from broker.cli.formatters import FORMATTERS
from broker.cli.index import PACKAGE, find
from broker.sections import MASK

# Commands, and the name of their columns in the module of lists: all of them are shown.
OF_NODE = (
    *(("status", ""), ("cluster_status", ""), ("environment", "")),
    *(("list_connections", "CONNECTION"), ("list_channels", "CHANNEL")),
    *(("command_line_arguments", ""), ("os_env", ""), ("list_global_parameters", "")),
)
OF_VHOST = (
    *(("list_queues", "QUEUE"), ("list_exchanges", "EXCHANGE"), ("list_bindings", "BINDING")),
    *(("list_permissions", ""), ("list_policies", "")),
    ("list_parameters", ""),
)
BEYOND = (  # RabbitMQ's has not got these
    *(("list_operator_policies", ""), ("list_vhost_limits", ""), ("list_consumers", "CONSUMER")),
)
LOG_LINES = 100
SAME = ("node", "longnames", "quiet")  # options
_IN_URI = re.compile(r"(://[^\s/:@\"]*:)[^\s/@\"]+(?=@)")
_IN_JSON = re.compile(
    r'("[^"]*(?:pass|password|secret|token|passphrase)\\*"\s*:\s*\\*")(?:[^"\\]|\\[^"])*',
    re.IGNORECASE,
)


def _check_formatter(call: Call) -> None:
    if "formatter" in call.options:
        raise InvalidError('"Only report formatter is supported"')


@command(
    "report",
    usage="report",
    description="Shows all that helps to find out what is wrong with the node, without passwords",
    section=MONITORING,
    tools=(CTL, DIAGNOSTICS),
    validate=_check_formatter,
    banner="Reporting server status of node {node} ...",
)
def report(call: Call) -> Output:
    return Rows(masked(line) for line in _lines(call))


def masked(line: str) -> str:
    """Without passwords: those of URIs, and of objects in JSON."""
    return _IN_JSON.sub(rf"\1{MASK}", _IN_URI.sub(rf"\1{MASK}", line))


def _lines(call: Call) -> Iterator[str]:
    vhosts = [
        value for row in call.rows("vhosts.list_vhosts") for key, value in row if key == "name"
    ]
    for name, columns in OF_NODE:
        yield from _section(call, name, columns)
    for vhost in vhosts:
        for name, columns in (*OF_VHOST, *BEYOND):
            yield from _section(call, name, columns, vhost=vhost)
    yield from _section(call, "log_tail", "", number=LOG_LINES)


def _section(call: Call, name: str, columns: str, **options: Any) -> Iterator[str]:
    """What another command shows. One that fails does not take the others with it."""
    found = find(name, "")
    if found is None:
        return
    arguments: Sequence[str] = found.default_arguments
    if columns:
        arguments = getattr(import_module(f"{PACKAGE}.lists"), columns)
    inner = _inner(call, found, arguments, options)
    yield ""
    greeting = found.greeting(inner)
    if greeting is not None:
        yield greeting
    formatter = FORMATTERS[found.formatter]
    try:
        output = found.run(inner)
        if isinstance(output, Rows):
            yield from formatter.rows(output.items, inner.options)
        elif output is not None:
            yield from formatter.value(output, inner.options)
    except ToolError as error:
        yield str(error.text)


def _inner(call: Call, found: Command, arguments: Sequence[str], options: dict[str, Any]) -> Call:
    same = {key: call.options[key] for key in SAME if key in call.options}
    given: dict[str, Any] = {**found.defaults, **same, **options, "timeout": found.timeout_ms}
    inner = Call(found, call.tool, list(arguments), given, call.environment, call.streams)
    inner.connect_by(lambda: call.link)
    return inner
