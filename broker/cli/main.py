"""`leveretctl`, which is `rabbitmqctl` and its siblings as well: what they read, say and return.

argv → command (or a suggestion) → options and defaults → validation → state of the node → banner →
run → formatter. Imports nothing of the broker but what both sides of the control socket share.
"""

from __future__ import annotations

import io
import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from broker.cli import data_directory, node_names
from broker.cli.command import (
    DONE,
    GLOBAL_LETTERS,
    GLOBAL_SWITCHES,
    REACHABLE,
    RUNNING,
    STOPPED,
    TOOLS,
    Call,
    Command,
    Exit,
    Rows,
    Said,
    Streams,
)
from broker.cli.errors import (
    APP_RUNNING,
    APP_STOPPED,
    EX_OK,
    EX_UNAVAILABLE,
    EX_USAGE,
    InvalidError,
    NodeDownError,
    StateError,
    TimedOutError,
    ToolError,
)
from broker.cli.formatters import FORMATTERS, Formatter, to_json
from broker.cli.index import find, names
from broker.cli.link import Link, Unreachable, place_in
from broker.cli.link import find as find_node
from broker.cli.options import parse
from broker.cli.suggestions import nearest
from broker.control_socket import ENTRY
from broker.cookie import VARIABLE

COOKIE_WARNING = (
    f"\x1b[1m\x1b[31m{VARIABLE} env variable support is deprecated and will be REMOVED in a future"
    " version. \x1b[0m\x1b[33mUse the $HOME/.erlang.cookie file or the --erlang-cookie switch"
    " instead.\x1b[0m"
)


class Tool:
    """One call of a tool. name: as which it was called."""

    def __init__(self, name: str, streams: Streams, environment: Mapping[str, str]):
        self.name = name
        self.scope = TOOLS.get(name, "")
        self._streams = streams
        self._environment = environment
        self._is_warned = False

    # output

    def _say(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._streams.stdout.write(f"{line}\n")

    def _complain(self, text: str | None) -> None:
        if text is not None:
            self._streams.stderr.write(f"{text}\n")

    # the flow

    def run(self, argv: list[str]) -> int:
        """Returns: the exit code."""
        if argv == ["--help"]:
            return self._show_usage(is_asked_for=True)
        if argv == ["--version"]:
            argv = ["version"]
        elif argv[:1] == ["--auto-complete"]:
            argv = ["autocomplete", *argv[1:]]
        first = parse(argv, GLOBAL_SWITCHES, GLOBAL_LETTERS)
        if "script_name" in first.options:
            self.name = str(first.options["script_name"])
            self.scope = TOOLS.get(self.name, "")
        name = first.arguments[0] if first.arguments else ""
        command = find(name, self.scope) if name else None
        if command is None and name:
            aliased = self._alias(name, first.options)
            if aliased:
                return self.run(_with_alias(argv, name, aliased))
        if command is None:
            return self._not_found(name)
        return self._run_command(command, argv, first.options)

    def _show_usage(self, *, is_asked_for: bool, before: str = "") -> int:
        from broker.cli.help import tool_usage

        text = before + tool_usage(self.name, self.scope)
        if is_asked_for:
            self._say([text])
            return EX_OK
        self._complain(text)
        return EX_USAGE

    def _not_found(self, name: str) -> int:
        if not name:
            return self._show_usage(is_asked_for=False)
        text = f"\nCommand '{name}' not found. \n"
        suggestion = nearest(name, names(self.scope))
        if suggestion is None:
            return self._show_usage(is_asked_for=False, before=text)
        self._complain(f"{text}Did you mean '{suggestion}'? \n")
        return EX_USAGE

    def _alias(self, name: str, options: Mapping[str, Any]) -> list[str]:
        path = options.get("aliases_file") or self._environment.get("RABBITMQ_CLI_ALIASES_FILE")
        if not path:
            return []
        try:
            lines = Path(str(path)).read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            self._complain(f"Error reading aliases file {path}: {reason}")
            return []
        for line in lines:
            alias, equals, content = line.partition("=")
            if equals and alias.strip() == name:
                try:
                    words = shlex.split(content)
                except ValueError as error:
                    self._complain(f"Error in alias {name} of file {path}: {error}")
                    return []
                return words if words and find(words[0], self.scope) is not None else []
        return []

    def _run_command(self, command: Command, argv: list[str], first: Mapping[str, Any]) -> int:
        formatter_name = str(first.get("formatter", command.formatter)).lower()
        formatter = FORMATTERS.get(formatter_name)
        if formatter is None:
            self._complain(f"Error: there is no formatter '{formatter_name}'")
            return 1  # where RabbitMQ's crash
        switches = {**GLOBAL_SWITCHES, **formatter.switches, **command.switches}
        parsed = parse(argv, switches, {**GLOBAL_LETTERS, **command.letters})
        if parsed.invalid:
            shown = "\n".join(f"{option} : {value or ''}" for option, value in parsed.invalid)
            detail = f"Invalid options for this command:\n{shown}"
            return self._refuse(InvalidError(detail), command, argv)
        options: dict[str, Any] = {"longnames": False, **command.defaults, **parsed.options}
        if options.get("help"):
            from broker.cli.help import command_usage

            self._say([command_usage(command, self.name)])
            return EX_OK
        timeout = options.get("timeout")
        options["timeout"] = timeout * 1000 if isinstance(timeout, int) else command.timeout_ms
        arguments = parsed.arguments[1:] or list(command.default_arguments)
        call = Call(command, self.name, arguments, options, self._environment, self._streams)
        call.given = dict(parsed.options)
        try:
            self._fill_in(call)
            return self._carry_out(call, formatter)
        except (InvalidError, StateError) as error:
            return self._refuse(error, command, argv)
        except ToolError as error:
            return self._fail(error, options)
        finally:
            call.close()

    def _fill_in(self, call: Call) -> None:
        """Which node is meant: by the files that it has left, or by its name. Raises: ToolError."""
        options = call.options
        file = self._announcement(options)
        place = place_in(file) if file is not None else None
        given = str(options.get("node") or (place.node if place is not None else ""))
        if place is not None and place.node == given:
            options["node"] = given
        else:
            wanted = given or node_names.default_of(self._environment)
            is_long = bool(options["longnames"])
            whole = node_names.whole(wanted, call.command.name, is_long=is_long)
            options["node"] = wanted if self._is_bare(wanted, whole) else whole
        call.connect_by(lambda: self._connect(call, file))

    def _is_bare(self, wanted: str, whole: str) -> bool:
        """Whether the node that is meant was given a name without a host."""
        if "@" in wanted or find_node(whole, self._environment) is not None:
            return False
        return find_node(wanted, self._environment) is not None

    def _announcement(self, options: Mapping[str, Any]) -> Path | None:
        """The file of a node that is not called by its name."""
        if options.get("ready_file"):
            return Path(str(options["ready_file"]))
        directory = options.get("data_dir")
        if not directory and "node" not in options:
            directory = self._environment.get(data_directory.VARIABLE)
        path = data_directory.path_of(str(directory or ""))
        return path / ENTRY if path is not None else None

    def _connect(self, call: Call, file: Path | None) -> Link:
        """Raises: NodeDownError."""
        reason = ""
        self._warn_of_cookie(call)
        place = place_in(file) if file is not None else find_node(call.node, self._environment)
        if place is not None:
            given = call.options.get("erlang_cookie", self._environment.get(VARIABLE) or None)
            try:
                return Link(place, given, self._environment)
            except Unreachable as error:
                reason = str(error)
        from broker.cli.unreachable import explain

        raise NodeDownError(explain(call.node, place, reason, self._environment, call.options))

    def _warn_of_cookie(self, call: Call) -> None:
        """As RabbitMQ's tools do, once, and not in the midst of what a machine reads."""
        if self._environment.get(VARIABLE) and not self._is_warned:
            self._is_warned = True
            if not call.is_quiet and "formatter" not in call.options:
                self._say([COOKIE_WARNING])

    def _carry_out(self, call: Call, formatter: Formatter) -> int:
        """Raises: ToolError."""
        command, options = call.command, call.options
        if call.timeout_ms is not None and call.timeout_ms < 0:
            raise InvalidError("a timeout cannot be negative.")
        command.check(call)
        if command.needs in (RUNNING, STOPPED):
            if call.timeout_ms == 0:  # there is no time to ask whether it runs
                raise TimedOutError(command.name, call.node, 0)
            if call.link.is_app_running != (command.needs == RUNNING):
                raise StateError(APP_STOPPED if command.needs == RUNNING else APP_RUNNING)
        is_for_machines = "formatter" in options and formatter.is_for_machines
        if not call.is_quiet and not is_for_machines:
            greeting = command.greeting(call)
            if greeting is not None:
                self._say([greeting])
                self._streams.stdout.flush()
        if options.get("dry_run"):
            return EX_OK
        if command.needs == REACHABLE:
            call.connect()
        return self._show(command.run(call), formatter, call)

    def _show(self, output: Any, formatter: Formatter, call: Call) -> int:
        options = call.options
        is_json = options.get("formatter") == "json"
        if output is DONE:
            output = {"result": "ok", "node": call.node} if is_json else None
        elif isinstance(output, Said):
            value = output.value
            output = {"result": "ok", "node": call.node, "value": value} if is_json else value
        if isinstance(output, Exit):
            return output.code
        if isinstance(output, Rows):
            self._say(formatter.rows(output.items, options))
        elif output is not None:
            self._say(formatter.value(output, options))
        return EX_OK

    def _refuse(self, error: InvalidError | StateError, command: Command, argv: list[str]) -> int:
        from broker.cli.help import base_usage

        head = "Error (argument validation)" if isinstance(error, InvalidError) else "Error"
        self._complain(
            f"{head}: {error.text}\nArguments given:\n\t{' '.join(argv)}\n"
            + base_usage(command, self.name)
        )
        return error.code

    def _fail(self, error: ToolError, options: Mapping[str, Any]) -> int:
        document = getattr(error, "document", None)
        if options.get("formatter") == "json" and document is not None:
            self._complain(to_json(document))
            return EX_UNAVAILABLE
        self._complain(error.text)
        return error.code


def _with_alias(argv: list[str], name: str, aliased: list[str]) -> list[str]:
    at = argv.index(name)
    return [*argv[:at], *aliased, *argv[at + 1 :]]


def main(
    argv: Sequence[str] | None = None,
    *,
    tool: str | None = None,
    stdin: IO[str] | None = None,
    stdout: IO[str] | None = None,
    stderr: IO[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> int:
    """Run a tool. Returns: the exit code. What is not given is the process's own."""
    own = Path(sys.argv[0]).name
    for own_stream in (sys.stdout, sys.stderr):
        if isinstance(own_stream, io.TextIOWrapper):  # names are what clients make of them
            own_stream.reconfigure(errors="backslashreplace")
    streams = Streams(stdin or sys.stdin, stdout or sys.stdout, stderr or sys.stderr)
    environment = os.environ if environ is None else environ
    name = tool or environment.get("LEVERET_TOOL") or (own if own in TOOLS else "leveretctl")
    try:
        code = Tool(name, streams, environment).run(list(sys.argv[1:] if argv is None else argv))
        streams.stdout.flush()
    except BrokenPipeError:  # who reads has seen enough
        if stdout is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EX_OK
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
