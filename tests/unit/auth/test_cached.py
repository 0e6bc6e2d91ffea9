from __future__ import annotations

import pytest

from broker.amqp.erlang import Atom
from broker.auth import cached
from broker.auth.backends import (
    NO,
    YES,
    Answer,
    NewSecret,
    Question,
    ResourceAccess,
    TopicAccess,
    VhostAccess,
)
from broker.auth.cached import CachedBackend
from broker.auth.mechanisms import Credentials
from tests.support.auth import FakeBackend
from tests.support.seams import FakeClock

VHOST = VhostAccess("anna", (), "/", "127.0.0.1")


class Asked:
    """A cache over a backend that answers at once."""

    def __init__(self, *, keeps_refusals: bool = False):
        self.clock = FakeClock()
        self.backend = FakeBackend(is_patient=False)
        self.cache = CachedBackend(
            self.backend, self.clock.now_ms, ttl_ms=1000, keeps_refusals=keeps_refusals
        )

    def __call__(self, question: Question) -> Answer:
        heard: list[Answer] = []
        self.cache.ask(question, heard.append)
        return heard[0]


def test_an_answer_holds_for_its_time() -> None:
    asked = Asked()
    assert asked(VHOST) == asked(VHOST) == YES
    asked.clock.time_ms = 999
    assert asked(VHOST) == YES
    assert len(asked.backend.asked) == 1
    asked.backend.answers[VHOST] = NO
    asked.clock.time_ms = 1000
    assert asked(VHOST) == NO


@pytest.mark.parametrize(
    ("keeps_refusals", "answer", "times"),
    [
        (False, NO, 2),
        (True, NO, 1),
        (True, Answer(False, error=Atom("timeout")), 2),
    ],
)
def test_what_is_kept_of_a_no(keeps_refusals: bool, answer: Answer, times: int) -> None:
    asked = Asked(keeps_refusals=keeps_refusals)
    asked.backend.answers[VHOST] = answer
    assert asked(VHOST) == asked(VHOST) == answer
    assert len(asked.backend.asked) == times


def test_passwords_are_told_apart_and_not_kept() -> None:
    asked = Asked()
    for password in (b"hunter2", b"two", b"hunter2", None):
        assert asked(Credentials("anna", password)) == YES
    assert [question.password for question in asked.backend.asked] == [b"hunter2", b"two", None]  # type: ignore[union-attr]
    assert "hunter2" not in repr(asked.cache._entries)


def test_secrets_are_always_asked_about() -> None:
    asked = Asked()
    for _ in range(2):
        assert asked(NewSecret("anna", (), b"x")) == YES
    assert len(asked.backend.asked) == 2


def test_the_oldest_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached, "ENTRIES_MAX", 3)
    asked = Asked()
    questions = [VHOST._replace(vhost=str(number)) for number in range(5)]
    for question in questions:
        asked(question)
    assert len(asked.cache._entries) == 3
    asked.backend.asked.clear()
    for question in reversed(questions):
        asked(question)
    assert asked.backend.asked == [questions[1], questions[0]]


def test_what_has_expired_takes_no_room() -> None:
    asked = Asked()
    for number in range(5):
        asked(VHOST._replace(vhost=str(number)))
    asked.clock.time_ms = 2000
    asked(VHOST)
    assert len(asked.cache._entries) == 1


def test_questions_of_two_kinds_with_the_same_values_are_two() -> None:
    """May she publish "read" to an exchange called "queue"? May she read a queue called "write"?"""
    asked = Asked()
    values = ("anna", (), "/", "queue", "write", "read")
    assert asked(TopicAccess(*values)) == YES
    assert asked(ResourceAccess(*values)) == YES
    assert [type(one) for one in asked.backend.asked] == [TopicAccess, ResourceAccess]
