"""Commands about the tools themselves."""

from __future__ import annotations

from broker.cli.command import (
    CTL,
    DIAGNOSTICS,
    HELP,
    NOTHING,
    PLUGINS,
    QUEUES,
    SWITCH,
    TOOLS,
    Call,
    Output,
    command,
)
from broker.cli.errors import EX_USAGE, ToolError
from broker.cli.help import command_usage, commands_list, tool_usage
from broker.cli.index import find, names
from broker.cli.suggestions import nearest

EVERYWHERE = (CTL, DIAGNOSTICS, PLUGINS, QUEUES)
PRODUCT_VERSION = "3.13.7"


@command(
    "help",
    usage="help (<command> | [--list-commands])",
    description="Shows how the tool, or one of its commands, is used",
    section=HELP,
    tools=EVERYWHERE,
    topics=[("--list-commands", "only the names of the commands and what they do")],
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
