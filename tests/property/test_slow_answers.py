"""A backend that answers later changes nothing: the same octets in give the same octets out.

On one channel: what waits on one does not keep others from going on, so that they may overtake it.
"""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.auth.backends import (
    NO,
    YES,
    Answer,
    Done,
    Question,
    ResourceAccess,
    TopicAccess,
)
from tests.property.conftest import examples
from tests.property.conversations import reads
from tests.property.test_fast_path import Twins, cuts
from tests.support.auth import FakeBackend, put_before
from tests.support.peer import World


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Refusals are logged; thousands of them are meant."""
    caplog.set_level(logging.CRITICAL, logger="broker")


class Judge(FakeBackend):
    """Says no to some; if it is patient, when it is asked to (`says_all`)."""

    def ask(self, question: Question, done: Done) -> None:
        if self.is_patient:
            self.waiting.append((question, done))
        else:
            done(judged(question))

    def says_all(self) -> None:
        while self.waiting:
            question, done = self.waiting.pop(0)
            done(judged(question))


def judged(question: Question) -> Answer:
    if isinstance(question, TopicAccess) and question.routing_key == "a":
        return NO
    if isinstance(question, ResourceAccess):
        asked = (question.name, question.permission)
        return NO if asked in (("ef", "read"), ("ed", "write"), ("q3", "configure")) else YES
    return YES


class JudgedWorld(World):
    def __init__(self, *, is_patient: bool) -> None:
        super().__init__()
        self.judge = Judge(is_patient=is_patient)

    def settle(self) -> None:
        """Answers come before the turn: what they let go on is done in it, as without them."""
        self.judge.says_all()
        super().settle()


def made(settings: dict[str, object]) -> World:
    return JudgedWorld(is_patient=not settings["fast_path"])


def on_one_channel(octets: bytes) -> bytes:
    """The frames of all channels on the first; from what is no frame on as it is."""
    frames = bytearray(octets)
    at = 0
    while len(frames) - at > 7:
        if frames[at] in (1, 2, 3) and frames[at + 1 : at + 3] != b"\0\0":
            frames[at + 1 : at + 3] = b"\0\1"
        at += 8 + int.from_bytes(frames[at + 3 : at + 7], "big")
    return bytes(frames)


Step = tuple[bytes, float]


@examples(300)
@given(script=st.lists(st.tuples(reads, cuts), min_size=1, max_size=12))
def test_a_conversation_has_the_same_answers(script: list[Step]) -> None:
    twins = Twins(made)
    for world in twins.worlds:
        put_before(world.node, world.judge)  # type: ignore[attr-defined]
    for number in (0, 1):
        twins._reconnect(number)
    for octets, cut in script:
        twins.say(0, on_one_channel(octets), cut)
    twins.finish()
    assert [world.node.bug_count for world in twins.worlds] == [0, 0]
