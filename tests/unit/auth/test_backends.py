"""The chain, and the node's own users as a backend."""

from __future__ import annotations

import logging

import pytest

from broker.amqp.erlang import Atom
from broker.auth import passwords
from broker.auth.backends import (
    BLANK,
    NO,
    YES,
    Answer,
    Backends,
    Entry,
    InternalBackend,
    Login,
    NewSecret,
    Question,
    ResourceAccess,
    TopicAccess,
    VhostAccess,
)
from broker.auth.mechanisms import Credentials
from broker.auth.passwords import DEFAULT_ALGORITHM, hash_password
from broker.auth.permissions import Permissions, TopicPermissions
from broker.auth.users import User
from tests.support.auth import NAME, FakeBackend, knows


@pytest.fixture
def users() -> dict[str, User]:
    anna = User("anna", hash_password(b"pw"), DEFAULT_ALGORITHM, ("policymaker",))
    anna.permissions["/"] = Permissions("^mine", "", ".*")
    anna.topic_permissions["/", "amq.topic"] = TopicPermissions("^w", "^{username}")
    return {"anna": anna, "certified": User("certified", b"", DEFAULT_ALGORITHM)}


def log_in(backends: Backends, username: str, password: bytes | None) -> Login:
    heard: list[Login] = []
    backends.log_in(Credentials(username, password), heard.append)
    assert len(heard) == 1
    return heard[0]


# the node's own users


@pytest.mark.parametrize(
    ("username", "password", "reason"),
    [
        ("anna", b"pw", None),
        ("anna", None, None),
        ("certified", None, None),
        ("anna", b"wrong", "user 'anna' - invalid credentials"),
        ("bob", b"pw", "user 'bob' - invalid credentials"),
        ("bob", None, "user 'bob' - invalid credentials"),
        ("certified", b"x", "user 'certified' - invalid credentials"),
        (
            "certified",
            b"",
            f"user 'certified' {BLANK}",
        ),
    ],
)
def test_who_is_let_in(
    users: dict[str, User], username: str, password: bytes | None, reason: str | None
) -> None:
    login = log_in(Backends(users), username, password)
    if reason is None:
        assert login == Login(users[username])
        assert login.user is users[username]
    else:
        assert login == Login(None, None, reason)


def test_every_login_with_a_password_costs_one_digest(
    users: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that nobody can tell by the time which users there are."""
    digested = []
    digest = passwords._digest

    def counted(salt: bytes, password: bytes, algorithm: str) -> bytes:
        digested.append((len(salt + password), algorithm))
        return digest(salt, password, algorithm)

    monkeypatch.setattr(passwords, "_digest", counted)
    for username, password in (("anna", b"pw"), ("anna", b"no"), ("bob", b"no")):
        digested.clear()
        log_in(Backends(users), username, password)
        assert digested == [(6, DEFAULT_ALGORITHM)]
    digested.clear()
    log_in(Backends(users), "certified", b"no")
    assert len(digested) == 1


def test_the_nodes_users_as_a_backend_like_any_other(users: dict[str, User]) -> None:
    """What a cache in front of it would ask."""
    internal = InternalBackend(users)
    questions: dict[Question, Answer] = {
        VhostAccess("anna", (), "/", ""): YES,
        VhostAccess("anna", (), "v", ""): NO,
        VhostAccess("bob", (), "/", ""): NO,
        ResourceAccess("anna", (), "/", "queue", "mine", "configure"): YES,
        ResourceAccess("anna", (), "/", "queue", "other", "configure"): NO,
        ResourceAccess("anna", (), "/", "exchange", "amq.default", "write"): NO,
        ResourceAccess("anna", (), "v", "queue", "mine", "read"): NO,
        TopicAccess("anna", (), "/", "amq.topic", "write", "w"): YES,
        TopicAccess("anna", (), "/", "amq.topic", "read", "w"): NO,
        TopicAccess("anna", (), "/", "amq.topic", "read", "anna.x"): YES,
        TopicAccess("anna", (), "/", "other", "read", "x"): YES,
        NewSecret("anna", (), b"x"): YES,
    }
    for question, expected in questions.items():
        heard: list[Answer] = []
        internal.ask(question, heard.append)
        assert heard == [expected], question


# the chain


def test_the_first_that_says_yes_decides(users: dict[str, User]) -> None:
    backend = FakeBackend()
    knows(backend, "bob", b"pw", "management")
    backend.answers[Credentials("anna", b"pw")] = NO
    internal = InternalBackend(users)
    backends = Backends(users, [Entry(backend, backend), Entry(internal, internal)], internal)
    login = log_in(backends, "bob", b"pw")
    assert login.user is not None
    assert (login.user.name, login.user.tags, login.user.permissions) == (
        "bob",
        ("management",),
        {},
    )
    assert login.backend is backend
    assert log_in(backends, "anna", b"pw") == Login(users["anna"])
    backend.answers[Credentials("eve", b"pw")] = Answer(False, reason="the first's")
    assert log_in(backends, "eve", b"pw").reason == "user 'eve' - invalid credentials"


def test_who_he_is_and_what_he_may_do_may_be_two_backends_affairs(
    users: dict[str, User],
) -> None:
    internal = InternalBackend(users)
    backend = FakeBackend()
    knows(backend, "anna", b"token", "management", "policymaker")
    knows(backend, "bob", b"token")
    outside = Backends(users, [Entry(backend, internal)], internal)
    login = log_in(outside, "anna", b"token")
    assert login.backend is None
    assert login.user is not None
    assert login.user.tags == ("management", "policymaker")
    assert login.user.permissions is users["anna"].permissions
    assert log_in(outside, "bob", b"token").reason == "user 'bob' - invalid credentials"
    inside = Backends(users, [Entry(internal, backend)], internal)
    knows(backend, "anna", b"pw", "administrator")
    login = log_in(inside, "anna", b"pw")
    assert login.backend is backend
    assert login.user is not None
    assert login.user.tags == ("policymaker",)  # RabbitMQ: an HTTP service's count only at login
    backend.asked.clear()
    assert log_in(inside, "anna", b"wrong").user is None
    assert backend.asked == []


def test_a_backend_that_fails_is_passed_over(
    users: dict[str, User], caplog: pytest.LogCaptureFixture
) -> None:
    internal = InternalBackend(users)
    backend = FakeBackend()
    failed = Answer(False, error=Atom("timeout"))
    for password in (b"pw", b"wrong"):
        backend.answers[Credentials("anna", password)] = failed
    backends = Backends(users, [Entry(backend, backend), Entry(internal, internal)], internal)
    with caplog.at_level(logging.ERROR):
        assert log_in(backends, "anna", b"pw").user is users["anna"]
    assert f"an auth backend failed, backend={NAME} problem=timeout" in caplog.text
    assert backends.error_count == 1
    alone = Backends(users, [Entry(backend, backend)])
    assert log_in(alone, "anna", b"wrong").reason == f"{NAME} failed authenticating anna: timeout"
    second = Backends(users, [Entry(internal, backend)], internal)
    assert log_in(second, "anna", b"pw").reason == f"{NAME} failed authorizing anna: timeout"


def test_a_backend_that_raises_has_failed(
    users: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = FakeBackend()

    def fail(*_: object) -> None:
        raise RuntimeError("it broke")

    monkeypatch.setattr(backend, "ask", fail)
    backends = Backends(users, [Entry(backend, backend)])
    login = log_in(backends, "anna", b"pw")
    assert login.reason == f"{NAME} failed authenticating anna: internal_error"
    assert backends.error_count == 1


def test_a_failing_backend_has_a_line_when_it_begins_and_when_it_is_over(
    users: dict[str, User], caplog: pytest.LogCaptureFixture
) -> None:
    backend = FakeBackend(is_patient=False)
    backends = Backends(users, [Entry(backend, backend)])
    failing = VhostAccess("anna", (), "bad", "")
    backend.answers[failing] = Answer(False, error=Atom("timeout"))
    heard: list[Answer] = []
    with caplog.at_level(logging.INFO):
        for question in (failing, failing, failing, VhostAccess("anna", (), "good", ""), failing):
            backends.ask(backend, question, heard.append)
    assert [answer.is_yes for answer in heard] == [False, False, False, True, False]
    assert [record.getMessage() for record in caplog.records] == [
        f"an auth backend failed, backend={NAME} problem=timeout",
        f"an auth backend answers again, backend={NAME} failures=3",
        f"an auth backend failed, backend={NAME} problem=timeout",
    ]
    assert backends.error_count == 4
