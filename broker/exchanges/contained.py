"""Exchange types of installed packages, contained: their errors cost nobody but who uses them.

Their code runs in the node's only thread. So a subclass is made of each such type in which every
method that the node calls is fenced: an exception is logged with its traceback, once for each type
and method, and counted. Then

    route, route_all                    the message is unroutable, and from then on the exchange is
                                        asked again for each
    validate, the constructor, the      refused with 541, nothing is made; a type may refuse what it
    first configure, validate_binding,  is asked for with an AMQPException of its own
    bind
    replay                              the binding is made, without messages
    unbind, a later configure           done, as far as the node is concerned

What it routes to has to be bound to it. Built-in types are not wrapped and pay nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from broker.amqp.errors import AMQPException, InternalError
from broker.exchanges.exchange import Exchange, Replayed
from broker.message import Message

log = logging.getLogger("broker.exchanges")


class Failures:
    """The errors of one type's code."""

    def __init__(self, type_name: str):
        self.type_name = type_name
        self.count = 0
        self._logged: set[str] = set()

    def add(self, method: str) -> None:
        """Called while the exception is handled."""
        self.count += 1
        if method not in self._logged:
            self._logged.add(method)
            log.exception(  # noqa: LOG004 - called in a handler
                "an installed exchange type failed, type=%s method=%s (logged once)",
                self.type_name,
                method,
            )


def contained(exchange_class: type[Exchange], name: str) -> type[Exchange]:
    """The type with its methods fenced. name: its wire name if it does not say. Its attribute
    `failures` has what went wrong."""
    failures = Failures(exchange_class.type_name or name)
    members: dict[str, Any] = {
        "__slots__": ("is_stable",),
        "__doc__": exchange_class.__doc__,
        "__module__": exchange_class.__module__,
        "type_name": failures.type_name,
        "failures": failures,
        "__init__": _made(exchange_class, failures),
        "validate": classmethod(_refusing(failures, "validate", _of_class(exchange_class))),
    }
    for method in ("validate_binding", "bind"):
        members[method] = _refusing(failures, method, getattr(exchange_class, method))
    for method in ("unbind", "configure"):
        members[method] = _carrying_on(failures, method, getattr(exchange_class, method))
    for method, is_right in (
        ("route", _is_bound),
        ("route_all", _is_bound),
        ("replay", _is_replayed),
    ):
        members[method] = _answering(failures, method, getattr(exchange_class, method), is_right)
    return type(exchange_class.__name__, (exchange_class,), members)


def _of_class(exchange_class: type[Exchange]) -> Callable[..., None]:
    return lambda _cls, arguments: exchange_class.validate(arguments)


def _made(exchange_class: type[Exchange], failures: Failures) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - becomes it
        before = failures.count
        self.is_stable = exchange_class.is_stable
        try:
            exchange_class.__init__(self, *args, **kwargs)
        except AMQPException:
            raise
        except Exception:
            failures.add("__init__")
        if failures.count != before:  # in `configure`, perhaps
            raise InternalError

    return __init__


def _refusing(failures: Failures, name: str, method: Callable[..., None]) -> Callable[..., None]:
    def fenced(self: Any, *args: Any) -> None:
        try:
            method(self, *args)
        except AMQPException:
            raise
        except Exception:
            failures.add(name)
            raise InternalError from None

    return fenced


def _carrying_on(failures: Failures, name: str, method: Callable[..., None]) -> Callable[..., None]:
    def fenced(self: Exchange, *args: Any) -> None:
        try:
            method(self, *args)
        except Exception:
            failures.add(name)

    return fenced


def _answering(
    failures: Failures,
    name: str,
    method: Callable[..., Iterable[Any]],
    is_right: Callable[[Exchange, Any], bool],
) -> Callable[..., Iterable[Any]]:
    def fenced(self: Any, *args: Any) -> Iterable[Any]:
        try:
            answer = list(method(self, *args))
            for item in answer:
                if not is_right(self, item):
                    raise TypeError(f"{name} answered {item!r}")
        except Exception:
            failures.add(name)
            self.is_stable = False  # it may do better next time
            return ()
        return answer

    return fenced


def _is_bound(exchange: Exchange, destination: Any) -> bool:
    return exchange in (destination.incoming or ())


def _is_replayed(_exchange: Exchange, item: Any) -> bool:
    return isinstance(item, Replayed) and isinstance(item.message, Message)
