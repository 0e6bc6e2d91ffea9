"""Who may come in, and what he may do: the questions, and the backends that answer them.

    connection ── log_in ──▶ Backends ── ask ──▶ one Backend after the other, until one says yes
    connection ── ask ─────────────────────────▶ the Backend that answers for this user from then on

The first entry that knows the user decides, as with RabbitMQ's `auth_backends`. An entry may leave
what a user may do to another backend than who he is. The node's own users are the backend
`internal`; where it decides what a user may do, nobody is asked: `Login.backend` is None, and
permissions are looked up (`session/access.py`).

A backend answers by a callback, at once or in a later turn, once for each question. One that fails
says so in its answer and is taken for a no.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from broker.amqp.erlang import Atom, printed
from broker.auth.mechanisms import Credentials
from broker.auth.passwords import verify_password
from broker.auth.permissions import TopicPermissions
from broker.auth.users import User

log = logging.getLogger("broker.auth")

INTERNAL = "rabbit_auth_backend_internal"  # RabbitMQ's names stand in its texts
BLANK = (
    "attempted to log in with a blank password, which is prohibited by the internal authN backend."
    " To use TLS/x509 certificate-based authentication, see the rabbitmq_auth_mechanism_ssl plugin"
    " and configure the client to use the EXTERNAL authentication mechanism. Alternatively change"
    " the password for the user to be non-blank."
)
_NOBODY = User("", b"salt" + bytes(32), "rabbit_password_hashing_sha256")


class VhostAccess(NamedTuple):
    """May the user enter the vhost? address: where he comes from, without a port."""

    username: str
    tags: tuple[str, ...]
    vhost: str
    address: str


class ResourceAccess(NamedTuple):
    """kind: "queue" or "exchange". permission: configure, write or read."""

    username: str
    tags: tuple[str, ...]
    vhost: str
    kind: str
    name: str
    permission: str


class TopicAccess(NamedTuple):
    """name: of a topic exchange. permission: write (publish) or read (bind)."""

    username: str
    tags: tuple[str, ...]
    vhost: str
    name: str
    permission: str
    routing_key: str


class NewSecret(NamedTuple):
    """connection.update-secret: is this the user's new token?"""

    username: str
    tags: tuple[str, ...]
    secret: bytes


# Credentials: is this who he says he is?
Question = Credentials | VhostAccess | ResourceAccess | TopicAccess | NewSecret
Key = tuple[type[Question], Question]


def key_of(question: Question) -> Key:
    """What an answer is kept by. Questions are tuples: `ResourceAccess` and `TopicAccess` with the
    same values are equal, and somebody might make such a name up."""
    return type(question), question


class Answer(NamedTuple):
    """tags: of a user who was let in. reason: of a no, for the log. error: the backend failed: an
    Erlang term, for RabbitMQ's texts show it."""

    is_yes: bool
    tags: tuple[str, ...] = ()
    reason: str = ""
    error: object = None


YES, NO = Answer(True), Answer(False)
Done = Callable[[Answer], None]


class Backend(Protocol):
    """Whoever answers. name: as texts and logs call it. takes_secrets: can it judge `NewSecret`?"""

    name: str
    takes_secrets: bool

    def ask(self, question: Question, done: Done) -> None:
        """Call `done` with the answer: now, or in a later turn, whatever happens."""


class Login(NamedTuple):
    """What became of a login. user: None: refused. backend: who is asked what the user may do;
    None: his permissions say it."""

    user: User | None
    backend: Backend | None = None
    reason: str = ""


class Entry(NamedTuple):
    """One of `auth_backends`: who says who somebody is, and who says what he may do."""

    authn: Backend
    authz: Backend


class InternalBackend:
    """The node's own users."""

    name = INTERNAL
    takes_secrets = False

    def __init__(self, users: Mapping[str, User]):
        self.users = users

    def ask(self, question: Question, done: Done) -> None:
        done(self.answer(question))

    def answer(self, question: Question) -> Answer:
        user = self.users.get(question.username)
        if isinstance(question, Credentials):
            return _judged(user, question)
        if user is None:
            return NO
        if isinstance(question, ResourceAccess):
            permissions = user.permissions.get(question.vhost)
            if permissions is None:
                return NO
            return YES if permissions.allows(question.permission, question.name) else NO
        if isinstance(question, TopicAccess):
            topic = user.topic_permissions.get((question.vhost, question.name))
            return YES if topic is None or _allows(topic, question) else NO
        if isinstance(question, VhostAccess):
            return YES if question.vhost in user.permissions else NO
        return YES


def _allows(permissions: TopicPermissions, question: TopicAccess) -> bool:
    return permissions.allows(
        question.permission,
        question.routing_key,
        username=question.username,
        vhost=question.vhost,
    )


def _judged(user: User | None, credentials: Credentials) -> Answer:
    """RabbitMQ: a blank password is nobody's. A name that nobody has costs as much as a wrong
    password, so that the time tells nothing."""
    name, password = credentials
    if password is None:
        is_right = user is not None
    elif not password:
        return Answer(False, reason=f"user '{name}' {BLANK}")
    else:
        asked = user or _NOBODY
        is_right = (
            verify_password(password, asked.password_hash, asked.hashing_algorithm)
            and user is not None
        )
    if is_right:
        assert user is not None
        return Answer(True, user.tags)
    return Answer(False, reason=f"user '{name}' - invalid credentials")


class Backends:
    """The chain. Without entries it is `internal` alone."""

    def __init__(
        self,
        users: Mapping[str, User],
        entries: Sequence[Entry] = (),
        internal: InternalBackend | None = None,
    ):
        self.internal = internal or InternalBackend(users)
        self.entries = tuple(entries) or (Entry(self.internal, self.internal),)
        self._is_alone = self.entries == (Entry(self.internal, self.internal),)
        self.error_count = 0
        self._failing: dict[str, int] = {}  # backends whose last answer was none, and how often

    def ask(self, backend: Backend, question: Question, done: Done) -> None:
        """Ask one backend. Whatever it fails by is counted and logged, and answered by a no."""

        def answered(answer: Answer) -> None:
            if answer.error is not None:
                self._note(backend, printed(answer.error))
            elif self._failing:
                count = self._failing.pop(backend.name, 0)
                if count:
                    log.info(
                        "an auth backend answers again, backend=%s failures=%s", backend.name, count
                    )
            done(answer)

        try:
            backend.ask(question, answered)
        except Exception:
            if backend.name not in self._failing:
                log.exception("an auth backend raised, backend=%s", backend.name)
            answered(Answer(False, error=Atom("internal_error")))

    def _note(self, backend: Backend, problem: str) -> None:
        """Count a failure; one that follows another is not worth a line."""
        self.error_count += 1
        count = self._failing[backend.name] = self._failing.get(backend.name, 0) + 1
        if count == 1:
            log.error("an auth backend failed, backend=%s problem=%s", backend.name, problem)

    def log_in(self, credentials: Credentials, done: Callable[[Login], None]) -> None:
        """Ask one entry after the other, until one lets the user in."""
        if self._is_alone:  # as `_try` would, without the detours
            answer = self.internal.answer(credentials)
            user = self.internal.users[credentials.username] if answer.is_yes else None
            done(Login(user, None, answer.reason))
            return
        self._try(0, credentials, Login(None), done)

    def _try(
        self, at: int, credentials: Credentials, last: Login, done: Callable[[Login], None]
    ) -> None:
        if at == len(self.entries):
            done(last)
            return
        entry = self.entries[at]

        def refused(backend: Backend, answer: Answer) -> None:
            reason = answer.reason
            if answer.error is not None:
                action = "authenticating" if backend is entry.authn else "authorizing"
                problem = printed(answer.error)
                reason = f"{backend.name} failed {action} {credentials.username}: {problem}"
            self._try(at + 1, credentials, Login(None, reason=reason), done)

        def authenticated(answer: Answer) -> None:
            if not answer.is_yes:
                refused(entry.authn, answer)
            elif entry.authz is entry.authn:
                done(self._login(entry, credentials.username, answer.tags))
            else:
                question = passwordless if self._is_internal(entry.authz) else credentials
                self.ask(entry.authz, question, lambda other: authorized(answer, other))

        def authorized(first: Answer, answer: Answer) -> None:
            if not answer.is_yes:
                refused(entry.authz, answer)
                return
            # RabbitMQ: tags of both, but those of the HTTP backend count where it authenticates
            tags = first.tags
            if self._is_internal(entry.authz):
                tags += tuple(tag for tag in answer.tags if tag not in tags)
            done(self._login(entry, credentials.username, tags))

        passwordless = credentials._replace(password=None)
        self.ask(entry.authn, credentials, authenticated)

    def _is_internal(self, backend: Backend) -> bool:
        return getattr(backend, "backend", backend) is self.internal  # or it with a cache

    def _login(self, entry: Entry, username: str, tags: tuple[str, ...]) -> Login:
        known = self.internal.users.get(username)
        if entry.authz is not self.internal:
            return Login(User(username, b"", "", tags), entry.authz)
        assert known is not None, "the internal backend has let him in"
        return Login(known if known.tags == tags else known.tagged(tags))
