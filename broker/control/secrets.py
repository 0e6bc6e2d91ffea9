"""What is not shown to anybody, though it is in settings, variables and arguments."""

from __future__ import annotations

import re

from broker.sections import MASK, masked

__all__ = ["MASK", "is_secret", "masked", "masked_arguments", "masked_value"]

_SECRET = re.compile(r"pass(word|wd|phrase)?(?![a-z])|secret|cookie|token|credential", re.I)
_NO_SECRET = re.compile(r"(file|_?dir|path|max|timeout|module)$", re.I)  # where it is, how much


def is_secret(name: str) -> bool:
    """Whether what goes by that name is one: `default_pass`, `RABBITMQ_ERLANG_COOKIE`."""
    return bool(_SECRET.search(name)) and not _NO_SECRET.search(name)


def masked_value(name: str, value: str) -> str:
    return MASK if value and is_secret(name) else masked(value)


def masked_arguments(arguments: list[str]) -> list[str]:
    """Of a command line: `--set default_pass=x`, `--erlang-cookie x`, `--erlang-cookie=x`."""
    found: list[str] = []
    before = ""
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name == "--set" and equals:
            found.append(f"{name}={masked_arguments([value])[0]}")
        elif equals:
            found.append(f"{name}={masked_value(name, value)}")
        elif before.startswith("-") and not argument.startswith("-"):
            found.append(masked_value(before, argument))
        else:
            found.append(masked(argument))
        before = argument if argument.startswith("-") and not equals else ""
    return found
