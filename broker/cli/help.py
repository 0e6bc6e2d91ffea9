"""The help pages: of a tool, and of each command."""

from __future__ import annotations

from broker.cli.command import SECTIONS, Command
from broker.cli.index import find, names

BOLD, PLAIN = "\x1b[1m", "\x1b[0m"

_GENERAL = """
The following options are accepted by most or all commands.

short            | long            | what it is
-----------------|-----------------|--------------------------------
-?               | --help          | shows how a command is used
-n <node>        | --node <node>   | the node that is asked
-l               | --longnames     | names of nodes have fully qualified hosts
-t <seconds>     | --timeout <n>   | how long it may take, where that matters
-q               | --quiet         | no informational messages
-s               | --silent        | neither those nor headers of tables
-p <vhost>       | --vhost <vhost> | the virtual host, of commands that are about one
                 | --formatter     | how the answer is shown: json, pretty_table, table, csv,
                 |                 | erlang, where the command supports it
                 | --data-dir <d>  | the node that has this data directory
                 | --erlang-cookie | the cookie, instead of that of the file"""


def bright(text: str) -> str:
    return f"{BOLD}{text}{PLAIN}"


def base_usage(command: Command, tool: str) -> str:
    timeout = " [--timeout <timeout>]" if command.has_timeout else ""
    usages = [command.usage] if isinstance(command.usage, str) else list(command.usage)
    lines = "\n".join(usage + timeout for usage in usages)
    return f"\n{bright('Usage')}\n\n{tool} [--node <node>] [--longnames] [--quiet] {lines}"


def command_usage(command: Command, tool: str) -> str:
    parts = [base_usage(command, tool), f"{command.description}.\n"]
    if command.topics:
        lines = "".join(f"{topic}\n\t{about}\n" for topic, about in command.topics)
        parts.append(f"{bright('Arguments and Options')}\n{lines}")
    parts.append(f"{bright('General Options')}\n{_GENERAL}")
    return "\n\n".join(parts) + "\n"


def tool_usage(tool: str, scope: str) -> str:
    """All that a tool can do."""
    return (
        f"\n{bright('Usage')}\n\n{tool} [--node <node>] [--timeout <timeout>] [--longnames]"
        " [--quiet] <command> [<command options>]"
        f"\n\nAvailable commands:\n{commands_list(scope)}"
        f"Use '{tool} help <command>' to learn more about a specific command"
    )


def commands_list(scope: str) -> str:
    commands = [found for name in names(scope) if (found := find(name, scope)) is not None]
    width = max(len(command.name) for command in commands)
    parts = []
    for section in SECTIONS:
        inside = [command for command in commands if command.section == section]
        if inside:
            parts.append(f"\n{bright(section)}:\n\n")
            parts += [
                f"   {command.name.ljust(width)}  {command.description}\n" for command in inside
            ]
    return "".join(parts) + "\n"
