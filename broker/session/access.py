"""What the user of a connection may do, asked when it is about to be done.

Permissions of the node's own users are looked up. Where another backend decides, its answers are
kept for a while; a question that has none yet is sent, and `Suspended` raised: whoever runs frames
puts the one at hand off (`Connection.put_off`) and runs it again when the answer has come. Handlers
check before they do anything, so that they can be run again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from broker.amqp.erlang import printed
from broker.amqp.errors import (
    AMQPException,
    access_refused,
    node_channel_limit,
    resource,
    topic_refused,
    vhost_refused,
)
from broker.auth.backends import (
    Answer,
    Backend,
    Key,
    Login,
    NewSecret,
    Question,
    ResourceAccess,
    TopicAccess,
    VhostAccess,
    key_of,
)
from broker.auth.mechanisms import Credentials
from broker.auth.permissions import DEFAULT_EXCHANGE

if TYPE_CHECKING:
    from broker.auth.users import User
    from broker.exchanges.exchange import Exchange
    from broker.node import Node

ANSWERS_MAX = 1024  # kept per connection
KEPT_MS = 60_000  # then they are asked anew: RabbitMQ's channel_tick_interval


class Pending:
    """A question on its way. waiting: what is to be run when it is answered."""

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def on_answer(self) -> None:
        waiting, self.waiting = self.waiting, []
        for run in waiting:
            run()


class Suspended(Exception):  # noqa: N818 - no error: it goes on later
    """The frame at hand needs an answer that has not come yet."""

    def __init__(self, pending: Pending):
        super().__init__()
        self.pending = pending


class Access:
    """Of a user whose permissions are the node's own."""

    __slots__ = ("node", "user", "vhost")

    def __init__(self, node: Node, user: User):
        self.node = node
        self.user = user
        self.vhost = ""  # set by `enter`

    def enter(self, vhost: str) -> None:
        """Raises: NotAllowed (530)."""
        if vhost not in self.user.permissions:
            raise vhost_refused(vhost, self.user.name)
        self.vhost = vhost

    def require(self, permission: str, kind: str, name: str) -> None:
        """What the user may do with a queue or an exchange (kind). Raises: AccessRefused."""
        name = name or DEFAULT_EXCHANGE
        permissions = self.user.permissions.get(self.vhost)
        if permissions is None or not permissions.allows(permission, name):
            raise access_refused(resource(kind, name, self.vhost), self.user.name)

    def require_topic(self, permission: str, exchange: Exchange, routing_key: str) -> None:
        """What the user may do with a routing key; only of a topic exchange is it asked.

        Raises: AccessRefused.
        """
        if exchange.type_name != "topic":
            return
        permissions = self.user.topic_permissions.get((self.vhost, exchange.name))
        if permissions is not None and not permissions.allows(
            permission, routing_key, username=self.user.name, vhost=self.vhost
        ):
            raise topic_refused(routing_key, exchange.name, self.vhost, self.user.name)

    def asks_for_keys(self, exchange: Exchange) -> bool:
        """Whether each routing key that is published to an exchange is asked for."""
        key = (self.vhost, exchange.name)
        return exchange.type_name == "topic" and key in self.user.topic_permissions

    def renew(self, secret: bytes) -> Answer:
        """connection.update-secret: passwords of the node's users have nothing to renew."""
        return Answer(True)

    def tick(self, now_ms: int) -> bool:
        """Returns: whether what was remembered of earlier answers is void now."""
        return False

    def check_channel_limits(self) -> None:
        """Raises: NotAllowed when the user, or the node, may have no further channel."""
        node = self.node
        node.check_channel_limit(self.user.name)
        limit = node.config.limits.channel_max_per_node
        if limit is not None and node.usage.channel_count >= limit:
            raise node_channel_limit(node.name, limit)


class AskedAccess(Access):
    """Of a user for whom a backend answers. address: where the peer is, without a port."""

    __slots__ = ("_answers", "_backend", "_expires_ms", "_pending", "address")

    def __init__(self, node: Node, user: User, backend: Backend, address: str):
        super().__init__(node, user)
        self._backend = backend
        self.address = address
        self._answers: dict[Key, Answer] = {}
        self._pending: dict[Key, Pending] = {}
        self._expires_ms = node.now_ms + KEPT_MS

    def enter(self, vhost: str) -> None:
        question = VhostAccess(self.user.name, self.user.tags, vhost, self.address)
        self._check(question, vhost_refused(vhost, self.user.name))
        self.vhost = vhost

    def require(self, permission: str, kind: str, name: str) -> None:
        user, name = self.user, name or DEFAULT_EXCHANGE
        question = ResourceAccess(user.name, user.tags, self.vhost, kind, name, permission)
        self._check(question, access_refused(resource(kind, name, self.vhost), user.name))

    def require_topic(self, permission: str, exchange: Exchange, routing_key: str) -> None:
        if exchange.type_name != "topic":
            return
        user, name = self.user, exchange.name
        question = TopicAccess(user.name, user.tags, self.vhost, name, permission, routing_key)
        self._check(question, topic_refused(routing_key, name, self.vhost, user.name))

    def asks_for_keys(self, exchange: Exchange) -> bool:
        return exchange.type_name == "topic"

    def renew(self, secret: bytes) -> Answer:
        if not self._backend.takes_secrets:
            return Answer(True)
        answer = self._answer(NewSecret(self.user.name, self.user.tags, secret))
        if answer.is_yes:
            self._answers.clear()  # a new token may allow other things
        return answer

    def tick(self, now_ms: int) -> bool:
        if now_ms < self._expires_ms:
            return False
        self._expires_ms = now_ms + KEPT_MS
        self._answers.clear()
        return True

    def _check(self, question: Question, refusal: AMQPException) -> None:
        """Raises: the refusal."""
        answer = self._answer(question)
        if answer.is_yes:
            return
        if answer.error is not None:
            text = f"{refusal.text}, backend {self._backend.name} returned an error: "
            refusal = type(refusal)(text + printed(answer.error, len(text)))
        raise refusal

    def _answer(self, question: Question) -> Answer:
        """Raises: Suspended."""
        key = key_of(question)
        answer = self._answers.get(key)
        if answer is None:
            pending = self._pending.get(key)
            if pending is None:
                pending = self._pending[key] = Pending()
                self.node.backends.ask(self._backend, question, partial(self._on_answer, key))
            answer = self._answers.get(key)  # it may have come at once
            if answer is None:
                raise Suspended(pending)
        if not answer.is_yes or isinstance(question, NewSecret):
            del self._answers[key]  # whoever asks again is to be told what holds then
        return answer

    def _on_answer(self, key: Key, answer: Answer) -> None:
        pending = self._pending.pop(key, None)
        if pending is None:
            return  # it has answered before
        if len(self._answers) >= ANSWERS_MAX:
            self._answers.clear()
        self._answers[key] = answer
        pending.on_answer()


class LoginAttempt:
    """A login on its way through the backends."""

    __slots__ = ("_login", "_pending")

    def __init__(self, node: Node, credentials: Credentials):
        self._login: Login | None = None
        self._pending = Pending()
        node.backends.log_in(credentials, self._on_login)

    def result(self) -> Login:
        """Raises: Suspended."""
        if self._login is None:
            raise Suspended(self._pending)
        return self._login

    def _on_login(self, login: Login) -> None:
        if self._login is None:
            self._login = login
            self._pending.on_answer()
