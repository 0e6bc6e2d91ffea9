"""Method class → handler. `@handles` enters a function; the channel and the connection look it up.

A handler reads check, do, reply: it returns the reply, or None when there is none or it comes
later. Whatever it raises is turned into a close by the connection, with the method's ids filled in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from broker.amqp.methods import Method

Handler = Callable[[Any, Any], Method | None]
H = TypeVar("H", bound=Callable[..., Method | None])

HANDLERS: dict[type[Method], Handler] = {}


def handles(method_class: type[Method]) -> Callable[[H], H]:
    """Enter the handler of a method. Channel methods get the channel, class connection its own."""

    def enter(handler: H) -> H:
        assert method_class not in HANDLERS
        HANDLERS[method_class] = handler
        return handler

    return enter
