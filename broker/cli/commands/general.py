"""Commands about the tools themselves."""

from __future__ import annotations

from pathlib import Path

from broker.amqp.erlang import Atom
from broker.cli import aliases, completion
from broker.cli.command import (
    CTL,
    DIAGNOSTICS,
    GLOBAL_SWITCHES,
    HELP,
    NOTHING,
    PLUGINS,
    QUEUES,
    SWITCH,
    TEXT,
    TOOLS,
    Call,
    Output,
    Rows,
    Said,
    command,
)
from broker.cli.errors import EX_USAGE, ToolError, bad_argument, not_enough
from broker.cli.help import command_usage, commands_list, tool_usage
from broker.cli.index import find, names
from broker.cli.suggestions import nearest
from broker.version import __version__

EVERYWHERE = (CTL, DIAGNOSTICS, PLUGINS, QUEUES)
COMPATIBLE = "3.13.7"  # RabbitMQ's, whose name the tool was called by


@command(
    "help",
    usage="help (<command> | [--list-commands])",
    description="Shows how the tool, or one of its commands, is used",
    section=HELP,
    tools=EVERYWHERE,
    topics=[
        ("--list-commands", "Only the names of the commands and what they do"),
    ],
    switches={"list_commands": SWITCH},
    arity=(0, 1),
    needs=NOTHING,
)
def help_(call: Call) -> Output:
    scope = TOOLS.get(call.tool, "")
    if not call.arguments:
        if call.options.get("list_commands"):
            return commands_list(scope)
        return tool_usage(call.tool, scope)
    name = call.arguments[0]
    found = find(name, scope)
    if found is not None:
        return command_usage(found, call.tool)
    suggestion = nearest(name, names(scope))
    text = f"\nCommand '{name}' not found."
    if suggestion is not None:
        text += f" \nDid you mean '{suggestion}'? \n"
    raise ToolError(f"Error:\n{text}", EX_USAGE)


@command(
    "version",
    usage="version",
    description="Shows the version of the tools",
    section=HELP,
    tools=(CTL, DIAGNOSTICS, PLUGINS),
    needs=NOTHING,
)
def version(call: Call) -> Output:
    found = COMPATIBLE if TOOLS.get(call.tool) else __version__
    formatter = call.options.get("formatter")
    if formatter == "json":
        return Said({"version": found})
    if formatter == "csv":
        return Rows([[(Atom("version"), found)]])
    return found


def _check_prefix(call: Call) -> None:
    if not call.arguments and "line" not in call.options:
        raise not_enough()


@command(
    "autocomplete",
    usage="autocomplete [prefix]",
    description="Shows what may stand where a shell's cursor is",
    section=HELP,
    tools=EVERYWHERE,
    topics=[
        ("<prefix>", "How the name of a command begins"),
        ("--line <line>", "What is on the shell's line up to its cursor"),
    ],
    has_timeout=True,
    switches={"line": TEXT},
    arity=(0, 1),
    validate=_check_prefix,
    needs=NOTHING,
)
def autocomplete(call: Call) -> Output:
    scope = TOOLS.get(call.tool, "")
    line = call.options.get("line")
    if line is None:
        return Rows(completion.of_prefix(call.arguments[0], scope, GLOBAL_SWITCHES))
    valued = [name for name, kind in GLOBAL_SWITCHES.items() if kind != SWITCH]
    return Rows(completion.of_line(line, scope, GLOBAL_SWITCHES, valued))


def _check_shell(call: Call) -> None:
    if call.arguments[0] not in completion.SHELLS:
        raise bad_argument(f"the shell must be one of {', '.join(completion.SHELLS)}")


@command(
    "completion",
    usage="completion <bash | zsh | fish>",
    description="Shows a script that makes a shell complete commands and options",
    section=HELP,
    topics=[("<shell>", 'bash: eval "$(leveretctl completion bash)"; zsh and fish likewise')],
    arity=(1, 1),
    validate=_check_shell,
    needs=NOTHING,
)
def completion_(call: Call) -> Output:
    return completion.script(call.arguments[0]).rstrip("\n")


@command(
    "install-aliases",
    usage="install-aliases <directory> [--force]",
    description="Makes RabbitMQ's tools in a directory: rabbitmqctl, rabbitmq-server and others",
    section=HELP,
    topics=[
        ("<directory>", "Where; one of PATH is of use"),
        ("--force", "Also over files that are not of this command"),
    ],
    switches={"force": SWITCH},
    arity=(1, 1),
    needs=NOTHING,
)
def install_aliases(call: Call) -> Output:
    directory = Path(call.arguments[0]).absolute()
    paths = aliases.install(directory, is_forced=bool(call.options.get("force")))
    return Rows(map(str, paths))
