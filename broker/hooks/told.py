"""What the parts of `DefinitionEvents` hand each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from broker.changes import Seen
from broker.definitions import Definitions
from broker.hooks.events import Events, Facts


class Noted(NamedTuple):
    """A change that is about to be carried out. before: what was there, where that matters."""

    kind: Seen
    key: tuple[Any, ...]
    is_there: bool
    before: Any = None


class Told(NamedTuple):
    """An event. actor: the user who did it; "": who gave the command."""

    key: str
    facts: Facts
    actor: str = ""


class Context(NamedTuple):
    """Where the facts are."""

    events: Events
    definitions: Definitions


Teller = Callable[[Context, Any, list[Noted]], Iterator[Told]]  # of a command that was carried out
ACTOR = object()  # among facts: the user who did it; at their end, where they do not have it

Pairs = list[tuple[str, object]]


def parameter(vhost: str, component: str, name: str) -> Pairs:
    """What names a runtime parameter."""
    return [("vhost", vhost), ("component", component), ("name", name)]
