"""Makes commands of leveretctl out of `pub`, `sub` and `bench`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from broker.cli.command import MESSAGING, NOTHING, Call, Command, Exit, Output, command
from broker.cli.messaging.options import Option, shown
from broker.cli.options import TEXTS


def enter(usage: str, summary: str, table: Sequence[Option], run: Callable[..., int]) -> Command:
    """Under the first word of its usage."""
    known = {option.name for option in table}

    def carry_out(call: Call) -> Output:
        given = {name: value for name, value in call.given.items() if name in known}
        return Exit(run(given, call.arguments, *call.streams))

    return command(
        usage.split()[0],
        usage=usage,
        description=summary[0].upper() + summary[1:],
        section=MESSAGING,
        topics=[(_topic(option), option.help) for option in table],
        switches={option.name: TEXTS if option.repeats else option.kind for option in table},
        letters={option.letter: option.name for option in table if option.letter},
        arity=(0, None),
        needs=NOTHING,
    )(carry_out)


def _topic(option: Option) -> str:
    value = "" if option.kind == "switch" else f" <{option.name}>"
    letter = f", -{option.letter}" if option.letter else ""
    return f"{shown(option.name)}{letter}{value}"
