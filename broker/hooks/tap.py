"""Where messages of a vhost are looked at on their way in and out: interceptors and the firehose.

A vhost has a `Tap` while there is anything to do, and None otherwise: that is all that a message
of an ordinary vhost pays for. Every switch bumps the definitions' version, so that nothing that
was remembered of messages goes past a tap, and nothing is remembered while there is one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from broker.amqp.errors import AccessRefused, PreconditionFailed
from broker.commands import AddVhost, Command, SetTracing
from broker.definitions import Definitions
from broker.hooks.firehose import Firehose
from broker.hooks.interceptor import Drop, InterceptedMessage, Interceptor
from broker.hooks.outlet import Outlet
from broker.vhost import VHost

log = logging.getLogger("broker.hooks")


class Chain:
    """Interceptors in order. errors: how often each of them went wrong."""

    __slots__ = ("_at_deliver", "_at_publish", "errors")

    def __init__(self, interceptors: list[Interceptor], errors: dict[str, int]):
        self.errors = errors
        self._at_publish = [
            one for one in interceptors if type(one).on_publish is not Interceptor.on_publish
        ]
        self._at_deliver = [
            one for one in interceptors if type(one).on_deliver is not Interceptor.on_deliver
        ]

    def on_publish(
        self, message: InterceptedMessage, check: Callable[[InterceptedMessage], None]
    ) -> InterceptedMessage | None:
        """What becomes of a message. check: raises for one that cannot be published.

        Returns: the message as it came, a changed one, None: it is dropped. Raises: AccessRefused,
        PreconditionFailed: an interceptor refuses it.
        """
        for interceptor in self._at_publish:
            try:
                answer = interceptor.on_publish(message)
            except (AccessRefused, PreconditionFailed):
                raise
            except Exception:
                self._on_error(interceptor)
                continue
            if isinstance(answer, Drop):
                return None
            message = self._taken_over(interceptor, message, answer, check)
        return message

    def on_deliver(
        self, message: InterceptedMessage, check: Callable[[InterceptedMessage], None]
    ) -> InterceptedMessage:
        """What a consumer is shown of a message. check: raises for one that cannot be sent."""
        for interceptor in self._at_deliver:
            try:
                answer = interceptor.on_deliver(message)
            except Exception:
                self._on_error(interceptor)
                continue
            message = self._taken_over(interceptor, message, answer, check)
        return message

    @property
    def sees_deliveries(self) -> bool:
        return bool(self._at_deliver)

    def _taken_over(
        self,
        interceptor: Interceptor,
        message: InterceptedMessage,
        answer: object,
        check: Callable[[InterceptedMessage], None],
    ) -> InterceptedMessage:
        """The message after an interceptor: what it made of it, if that can be used."""
        if answer is None or answer is message:
            return message
        try:
            if not isinstance(answer, InterceptedMessage):
                raise TypeError(f"returned {type(answer).__name__}")
            answer.check(message)
            check(answer)
        except Exception:  # a refusal by `check` among them
            self._on_error(interceptor)
            return message
        return answer

    def _on_error(self, interceptor: Interceptor) -> None:
        """Called while the exception is handled. Logged once: it may come with every message."""
        name = interceptor.name or type(interceptor).__name__
        count = self.errors.get(name, 0)
        self.errors[name] = count + 1
        if not count:
            log.exception(  # noqa: LOG004 - called in a handler
                "an interceptor failed, the message goes on, name=%s", name
            )


class Tap:
    """What is done with the messages of one vhost. chain, firehose: None: there is none."""

    __slots__ = ("chain", "firehose")

    def __init__(self, chain: Chain | None, firehose: Firehose | None):
        self.chain = chain
        self.firehose = firehose


class Taps:
    """Gives each vhost its tap, or none. errors: of interceptors, by name, ever."""

    def __init__(self, definitions: Definitions, outlet: Outlet, node: str):
        self._definitions = definitions
        self._outlet = outlet
        self._node = node
        self._chain: Chain | None = None
        self.errors: dict[str, int] = {}
        definitions.observe(self._on_change, SetTracing, AddVhost)

    def use(self, interceptors: list[Interceptor]) -> None:
        """Have these see every message from now on, instead of those that did."""
        self._chain = Chain(interceptors, self.errors) if interceptors else None
        for vhost in self._definitions.vhosts.values():
            self._refresh(vhost)
        self._definitions.version.number += 1

    def _on_change(self, command: Command, _result: object) -> None:
        if isinstance(command, SetTracing):
            self._refresh(self._definitions.vhosts[command.vhost])
        elif isinstance(command, AddVhost):
            self._refresh(self._definitions.vhosts[command.name])

    def _refresh(self, vhost: VHost) -> None:
        firehose = Firehose(self._outlet, vhost, self._node) if vhost.is_traced else None
        is_idle = firehose is None and self._chain is None
        vhost.tap = None if is_idle else Tap(self._chain, firehose)
