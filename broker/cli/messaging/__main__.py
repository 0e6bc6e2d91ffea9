"""`python -m broker.cli.messaging pub|sub|bench …`: the commands without the rest of leveretctl."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import Any

from broker.cli.messaging.exits import EX_USAGE
from broker.cli.messaging.options import Option

COMMANDS = ("pub", "sub", "bench")


def parser_of(command: str, table: tuple[Option, ...]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"leveretctl {command}", argument_default=argparse.SUPPRESS, add_help=False
    )
    for option in table:
        flags = [f"--{option.name.replace('_', '-')}"]
        if option.letter:
            flags.append(f"-{option.letter}")
        extra: dict[str, Any] = {"dest": option.name, "help": option.help.replace("%", "%%")}
        if option.kind == "switch":
            extra["action"] = "store_true"
        else:
            extra["action"] = "append" if option.repeats else "store"
            extra["type"] = int if option.kind == "integer" else str
        parser.add_argument(*flags, **extra)
    parser.add_argument("arguments", nargs="*", default=[])
    return parser


def main(argv: list[str] | None = None) -> int:
    """Returns: the exit code."""
    words = sys.argv[1:] if argv is None else argv
    if not words or words[0] not in COMMANDS:
        print(f"one of {', '.join(COMMANDS)} is wanted", file=sys.stderr)
        return EX_USAGE
    command = importlib.import_module(f"broker.cli.messaging.{words[0]}")
    try:
        parsed = vars(parser_of(words[0], command.OPTIONS).parse_intermixed_args(words[1:]))
    except SystemExit:
        return EX_USAGE
    arguments = parsed.pop("arguments")
    code: int = command.run(parsed, arguments, sys.stdin, sys.stdout, sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
