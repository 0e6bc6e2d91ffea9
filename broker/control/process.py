"""What the process of a node is: its versions, its command line, its variables."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from broker.amqp.erlang import Atom, CharList
from broker.control.actions import Asked, action
from broker.control.secrets import masked_arguments, masked_value
from broker.version import runtime_text

PREFIXES = ("RABBITMQ_", "LEVERET_")

Argument = tuple[Atom, list[CharList]]


@action(needs_app=False)
async def server_version(asked: Asked) -> str:
    """The one that clients are told."""
    return asked.host.config.identity.product_version


@action(needs_app=False)
async def runtime_version(asked: Asked, has_details: bool) -> str:
    """There is no Erlang: what the node runs on."""
    return runtime_text() if has_details else f"{platform.python_implementation()} {python()}"


@action(needs_app=False)
async def cookie_hash(asked: Asked) -> str:
    return asked.host.cookie_hash


@action(needs_app=False)
async def arguments(asked: Asked) -> list[Argument]:
    """As Erlang's `init:get_arguments()` has them: each flag with what stands behind it."""
    program, *rest = sys.argv or [""]
    where = (
        ("root", sys.prefix),
        ("bindir", str(Path(sys.executable).parent)),
        ("progname", Path(program).name),
        ("home", os.environ.get("HOME", "")),
    )
    found: list[Argument] = [(Atom(name), [CharList(value)]) for name, value in where]
    for argument in masked_arguments(rest):
        if argument.startswith("--") and len(argument) > 2:
            name, equals, value = argument[2:].partition("=")
            found.append((Atom(name), [CharList(value)] if equals else []))
        elif len(found) > len(where):
            found[-1][1].append(CharList(argument))
        else:
            found.append((Atom(argument.lstrip("-")), []))
    return found


@action()
async def variables(asked: Asked) -> list[tuple[str, str]]:
    """Of its environment, as far as they are about a broker, in the order of their names."""
    return [
        (name, masked_value(name, value))
        for name, value in sorted(os.environ.items())
        if name.startswith(PREFIXES)
    ]


def python() -> str:
    return platform.python_version()
