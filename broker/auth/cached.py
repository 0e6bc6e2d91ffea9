"""Answers of another backend, kept for a while: rabbitmq_auth_backend_cache."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

from broker.auth.backends import Answer, Backend, Done, Key, NewSecret, Question, key_of
from broker.auth.mechanisms import Credentials

ENTRIES_MAX = 10_000


class CachedBackend:
    """backend: whose answers. ttl_ms: how long they hold. keeps_refusals: a no as well as a yes;
    failures are never kept. now_ms: the clock."""

    def __init__(
        self, backend: Backend, now_ms: Callable[[], int], *, ttl_ms: int, keeps_refusals: bool
    ):
        self.backend = backend
        self.name = backend.name
        self.takes_secrets = backend.takes_secrets
        self._now_ms = now_ms
        self._ttl_ms = ttl_ms
        self._keeps_refusals = keeps_refusals
        self._key = os.urandom(32)
        self._entries: dict[Key, tuple[int, Answer]] = {}  # the oldest first

    def ask(self, question: Question, done: Done) -> None:
        if isinstance(question, NewSecret):
            self.backend.ask(question, done)
            return
        key = key_of(self._hidden(question))
        found = self._entries.get(key)
        if found is not None and found[0] > self._now_ms():
            done(found[1])
            return

        def answered(answer: Answer) -> None:
            if answer.is_yes or (self._keeps_refusals and answer.error is None):
                self._keep(key, answer)
            done(answer)

        self.backend.ask(question, answered)

    def _keep(self, key: Key, answer: Answer) -> None:
        now_ms = self._now_ms()
        self._entries.pop(key, None)
        while self._entries:
            oldest = next(iter(self._entries))
            if self._entries[oldest][0] > now_ms and len(self._entries) < ENTRIES_MAX:
                break
            del self._entries[oldest]
        self._entries[key] = (now_ms + self._ttl_ms, answer)

    def _hidden(self, question: Question) -> Question:
        """Passwords are not kept, only what recognises them."""
        if not isinstance(question, Credentials) or question.password is None:
            return question
        digest = hashlib.blake2b(question.password, key=self._key).digest()
        return question._replace(password=digest)
