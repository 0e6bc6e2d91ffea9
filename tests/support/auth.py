"""An auth backend that answers when the test says so."""

from __future__ import annotations

from broker.auth.backends import YES, Answer, Backends, Done, Entry, Question
from broker.auth.mechanisms import Credentials
from broker.node import Node

NAME = "backend_under_test"


class FakeBackend:
    """Seam `Backend`. answers: what is known beforehand, and answered at once; is_patient: what is
    not known waits for `says`, otherwise it is a yes."""

    def __init__(self, *, is_patient: bool = True, takes_secrets: bool = False) -> None:
        self.name = NAME
        self.takes_secrets = takes_secrets
        self.is_patient = is_patient
        self.asked: list[Question] = []
        self.answers: dict[Question, Answer] = {}
        self.waiting: list[tuple[Question, Done]] = []

    def ask(self, question: Question, done: Done) -> None:
        self.asked.append(question)
        if question in self.answers:
            done(self.answers[question])
        elif self.is_patient:
            self.waiting.append((question, done))
        else:
            done(YES)

    def says(self, answer: Answer = YES) -> Question:
        """Answer the oldest question. Returns: the question."""
        question, done = self.waiting.pop(0)
        done(answer)
        return question

    def says_always(self, answer: Answer = YES) -> None:
        """Answer every question there is, and those that come of it."""
        while self.waiting:
            self.says(answer)


def put_before(node: Node, backend: FakeBackend) -> None:
    """Have a node ask the backend alone."""
    node.backends = Backends(node.users, [Entry(backend, backend)])


def knows(backend: FakeBackend, username: str, password: bytes, *tags: str) -> None:
    backend.answers[Credentials(username, password)] = Answer(True, tags)
