"""Logging in to the HTTP API."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from broker.auth.backends import NO, YES, Answer, Backends, Entry, Question, VhostAccess
from broker.auth.mechanisms import Credentials
from broker.management.request import Refusal, Request
from broker.management.visitor import (
    ADDRESSES_MAX,
    FAILURES_S,
    NAME_MAX,
    USERS,
    Attempts,
    Doorkeeper,
    Visitor,
    credentials_of,
    credentials_of_query,
)
from tests.support.admin import Admin, basic

REALM = 'Basic realm="RabbitMQ Management"'


def with_authorization(value: str) -> Request:
    return Request("GET", "/api/whoami", headers={"authorization": value})


def test_basic_authentication() -> None:
    assert credentials_of(Request("GET", "/")) is None
    assert credentials_of(with_authorization(basic("a:b:c"))) == Credentials("a", b"b:c")
    assert credentials_of(with_authorization("bASIC  Og==")) == Credentials("", b"")
    name = credentials_of(with_authorization("Basic /zo="))
    assert name == Credentials("\udcff", b"")
    assert credentials_of(with_authorization("Negotiate abc")) is None


@pytest.mark.parametrize("value", ["", "Basic", "Basic !!", "Basic Z3Vlc3Q=", "Bearer ", "Digest"])
def test_what_is_no_header(value: str) -> None:
    with pytest.raises(Refusal) as refused:
        credentials_of(with_authorization(value))
    assert (refused.value.status, refused.value.error) == (400, "")


def test_tokens_are_nobodys() -> None:
    with pytest.raises(Refusal) as refused:
        credentials_of(with_authorization("Bearer abc"))
    assert (refused.value.status, refused.value.reason) == (401, "Login failed")


def test_a_link_may_have_them() -> None:
    def of(**query: str) -> Credentials | None:
        return credentials_of_query(Request("GET", "/", query))

    assert of() is None
    assert of(auth="Z3Vlc3Q6Z3Vlc3Q=") == Credentials("guest", b"guest")
    assert of(auth="YTo/Pz8+") == of(auth="YTo/Pz8 ") == Credentials("a", b"???>")
    for query in ({"auth": "!"}, {"auth": "xx"}, {"token": "abc"}):
        with pytest.raises(Refusal) as refused:
            of(**query)
        assert refused.value.status == 401


# who is let in


@pytest.fixture
def api() -> Admin:
    made = Admin()
    made.adds_user("nobody")
    made.adds_user("somebody", "management")
    return made


def test_who_is_let_in(api: Admin) -> None:
    assert api.gets("/whoami", user="somebody:somebody") == {
        "name": "somebody",
        "tags": ["management"],
    }
    assert api.node.usage.logins == {"http": [0, 1]}


@pytest.mark.parametrize(
    ("user", "error", "reason"),
    [
        ("somebody:wrong", "not_authorized", "Login failed"),
        ("none:none", "not_authorized", "Login failed"),
        (":", "not_authorized", "Login failed"),
        ("guest:", "not_authorized", "Login failed"),
        ("nobody:nobody", "not_authorised", "Not management user"),
    ],
)
def test_who_is_not(api: Admin, user: str, error: str, reason: str) -> None:
    answer = api.asks("GET", "/whoami", user=user)
    assert answer.status == 401
    assert answer.json == {"error": error, "reason": reason}
    assert answer.headers.get("www-authenticate") == (REALM if error == "not_authorized" else None)
    assert api.node.usage.logins == {"http": [1, 0]}


def test_who_does_not_say_who_he_is(api: Admin) -> None:
    answer = api.asks("GET", "/whoami", user=None)
    assert (answer.status, answer.body) == (401, b"")
    assert answer.headers["www-authenticate"] == REALM
    assert api.node.usage.logins == {}


def test_guest_is_let_in_from_here_only(api: Admin) -> None:
    answer = api.asks("GET", "/whoami", is_loopback=False)
    assert answer.status == 401
    assert answer.reason == "User can only log in via localhost"
    assert api.asks("GET", "/whoami", user="somebody:somebody", is_loopback=False).status == 200


def test_passwords_are_not_logged(api: Admin, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        api.asks("GET", "/whoami", user="somebody:secret-word")
        api.asks("GET", "/whoami", user="nobody:nobody")
        api.asks("GET", "/whoami", user="somebody:somebody")
    assert "secret-word" not in caplog.text
    assert "login to the HTTP API refused, peer=127.0.0.1:40000" in caplog.text
    assert "Not management user, user=nobody" in caplog.text


# guessing


def test_guessing_takes_long(api: Admin) -> None:
    for _ in range(20):
        assert api.asks("GET", "/whoami", user="somebody:guess").status == 401
    answer = api.asks("GET", "/whoami", user="somebody:somebody")
    assert answer.status == 429
    assert answer.headers["retry-after"] == "61"
    assert api.asks("GET", "/whoami").status == 200  # others from there
    elsewhere = api.asks("GET", "/whoami", user="somebody:somebody", peer="10.0.0.1:5")
    assert elsewhere.status == 200
    api.world.passes(int(FAILURES_S * 1000))
    assert api.asks("GET", "/whoami", user="somebody:somebody").status == 200


def test_guessing_names_takes_long_too() -> None:
    attempts = Attempts(3)
    for number in range(3 * USERS):
        attempts.check("a", f"user{number}", 0)
        attempts.failed("a", f"user{number}", 0)
    with pytest.raises(Refusal) as refused:
        attempts.check("a", "another", 30)
    assert refused.value.headers == [("retry-after", "31")]
    attempts.check("a", "another", FAILURES_S)
    attempts.failed("a", "another", FAILURES_S)
    attempts.check("a", "another", FAILURES_S)


def test_many_at_once_are_many_attempts(api: Admin) -> None:
    """A backend that takes its time does not let them all pass before the first has failed."""
    backend = InItsOwnTime()
    api.node.backends = Backends(api.node.users, [Entry(backend, backend)])
    doorkeeper = Doorkeeper(api.node)

    async def ask() -> int:
        request = Request("GET", "/api/whoami", peer="10.0.0.1:5")
        try:
            await doorkeeper.admit(request, Credentials("somebody", b"guess"))
        except Refusal as refused:
            return refused.status
        return 200

    async def run(answer: Answer) -> list[int]:
        asking = [asyncio.ensure_future(ask()) for _ in range(30)]
        await asyncio.sleep(0)
        waiting, backend.waiting = backend.waiting, []
        for done in waiting:
            done(answer)
        return await asyncio.gather(*asking)

    assert sorted(asyncio.run(run(Answer(True, ("management",))))) == [200] * 20 + [429] * 10
    assert sorted(asyncio.run(run(Answer(False)))) == [401] * 20 + [429] * 10
    assert asyncio.run(run(Answer(True, ("management",)))) == [429] * 30


class InItsOwnTime:
    name = "slow"
    takes_secrets = False

    def __init__(self) -> None:
        self.waiting: list[Callable[[Answer], None]] = []

    def ask(self, question: object, done: Callable[[Answer], None]) -> None:
        self.waiting.append(done)


def test_the_limit_can_be_lifted() -> None:
    api = Admin({"management.login_failures_max": None})
    for _ in range(50):
        assert api.asks("GET", "/whoami", user="guest:guess").status == 401


def test_what_is_remembered_of_failures_is_bounded() -> None:
    attempts = Attempts(20)
    for number in range(ADDRESSES_MAX):
        attempts.failed(str(number), "a" * 10_000, 0)
    assert len(attempts._failures) == ADDRESSES_MAX
    assert max(len(name or "") for _, name in attempts._failures) == NAME_MAX


# what a visitor sees


def visit(api: Admin, user: str) -> Visitor:
    request = Request(
        "GET", "/", headers={"authorization": basic(f"{user}:{user}")}, is_loopback=True
    )
    return asyncio.run(Doorkeeper(api.node).admit(request))


def test_tags(api: Admin) -> None:
    api.adds_user("both", "policymaker", "monitoring", "own")
    both, guest, somebody = visit(api, "both"), visit(api, "guest"), visit(api, "somebody")
    assert (both.is_policymaker, both.is_monitor, both.is_admin) == (True, True, False)
    assert (guest.is_policymaker, guest.is_monitor, guest.is_admin) == (True, True, True)
    assert (somebody.is_policymaker, somebody.is_monitor, somebody.is_admin) == (False,) * 3


def test_vhosts(api: Admin) -> None:
    api.adds_vhost("a", "b")
    api.adds_user("somebody", "management", vhosts=["a"])
    api.adds_user("monitor", "monitoring", vhosts=["a"])

    def seen(user: str) -> tuple[list[str], list[str]]:
        visitor = visit(api, user)

        async def both() -> tuple[list[str], list[str]]:
            return await visitor.vhosts(), await visitor.visible_vhosts()

        return asyncio.run(both())

    assert seen("somebody") == (["a"], ["a"])
    assert seen("monitor") == (["a"], ["/", "a", "b"])
    assert seen("guest") == (["/", "a", "b"], ["/", "a", "b"])


class Elsewhere:
    """A backend that answers in a later turn."""

    name = "elsewhere"
    takes_secrets = False

    def __init__(self) -> None:
        self.asked: list[Question] = []

    def ask(self, question: Question, done: Callable[[Answer], None]) -> None:
        self.asked.append(question)
        answer = YES
        if isinstance(question, Credentials):
            answer = Answer(True, ("management",))
        elif isinstance(question, VhostAccess):
            answer = YES if question.vhost == "a" else NO
        asyncio.get_running_loop().call_soon(done, answer)


def test_users_of_other_backends(api: Admin) -> None:
    api.adds_vhost("a")
    backend = Elsewhere()
    api.node.backends = Backends(api.node.users, [Entry(backend, backend)])
    assert api.gets("/whoami", user="else:x") == {"name": "else", "tags": ["management"]}
    assert api.gets("/policies/a", user="else:x") == []
    answer = api.asks("GET", "/policies/%2F", user="else:x")
    assert answer.reason == "User not authorised to access virtual host"
    assert VhostAccess("else", ("management",), "/", "127.0.0.1") in backend.asked
