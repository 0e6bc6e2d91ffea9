"""What may stand where the cursor is, and the scripts by which a shell asks for it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from broker.cli.command import Command
from broker.cli.formatters import FORMATTERS
from broker.cli.index import find, names

SHELLS = ("bash", "zsh", "fish")
_NAMES = "leveretctl rabbitmqctl rabbitmq-diagnostics rabbitmq-plugins rabbitmq-queues"
_SCRIPTS = {
    "bash": """\
_leveretctl() {{
    local line="${{COMP_LINE:0:COMP_POINT}}"
    COMPREPLY=($(compgen -W "$("$1" autocomplete --line "$line" 2>/dev/null)" -- "$2"))
}}
complete -o default -F _leveretctl {names}
""",
    "zsh": """\
#compdef {names}
_leveretctl() {{
    local -a found
    found=(${{(f)"$("$words[1]" autocomplete --line "${{(j: :)words[1,CURRENT]}}" 2>/dev/null)"}})
    compadd -a found
}}
compdef _leveretctl {names}
""",
    "fish": """\
for tool in {names}
    complete -c $tool -f -a "($tool autocomplete --line (commandline -cp) 2>/dev/null)"
end
""",
}


def script(shell: str) -> str:
    """To be read by the shell."""
    return _SCRIPTS[shell].format(names=_NAMES)


def of_prefix(prefix: str, scope: str, options: Iterable[str]) -> list[str]:
    """As RabbitMQ's tools complete the name of a command; without a letter of it, an option."""
    if not prefix:
        return sorted(f"--{name.replace('_', '-')}" for name in options)
    known = names(scope)
    return [prefix] if prefix in known else [name for name in known if name.startswith(prefix)]


def of_line(line: str, scope: str, options: Iterable[str], with_value: Iterable[str]) -> list[str]:
    """Of a line up to the cursor, beginning with the tool's name. with_value: those of the general
    options behind which something has to stand."""
    try:
        words = shlex.split(line)
    except ValueError:  # within a quotation
        return []
    word = "" if not words or line[-1:].isspace() else words.pop()
    words = words[1:]
    before = words[-1] if words else ""
    if before == "--formatter":
        return _matching(FORMATTERS, word)
    valued = {f"--{name.replace('_', '-')}" for name in with_value} | {"-n", "-p", "-t"}
    command = _command_in(words, scope, valued)
    if word.startswith("-"):
        known = [*options, *(command.switches if command is not None else ())]
        return _matching((f"--{name.replace('_', '-')}" for name in known), word)
    if before in valued:
        return []
    if command is None:
        return _matching(names(scope), word)
    return _matching(_arguments_of(command, scope), word)


def _command_in(words: list[str], scope: str, valued: set[str]) -> Command | None:
    is_value = False
    for word in words:
        if not is_value and not word.startswith("-"):
            return find(word, scope)
        is_value = not is_value and word in valued
    return None


def _arguments_of(command: Command, scope: str) -> list[str]:
    """Commands that there is help for; what the help says that a column may be; plugins."""
    if command.name == "help":
        return names(scope)
    for topic, about in command.topics:
        if topic.startswith("<plugin"):
            from broker.plugins import PLUGINS

            return list(PLUGINS)
        if topic.startswith("<column>"):
            return about.removeprefix("must be one of ").split(", ")
    return []


def _matching(candidates: Iterable[str], word: str) -> list[str]:
    return sorted({candidate for candidate in candidates if candidate.startswith(word)})
