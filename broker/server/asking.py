"""Auth backends that answer later: coroutines under the synchronous seam `Backend`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from broker.amqp.erlang import Atom
from broker.auth.backends import Answer, Done

log = logging.getLogger("broker.auth")

Judging = Coroutine[Any, Any, Answer]
QUESTIONS_MAX = 5_000  # under way; peers that ask and go leave theirs behind until it is answered


class Asking:
    """Runs one coroutine for each question, within a time, and answers whatever becomes of it."""

    def __init__(self, name: str, timeout_s: float):
        self.name = name
        self._timeout_s = timeout_s
        self._tasks: dict[asyncio.Task[None], Judging] = {}
        self._has_raised = False  # the last time

    def answer_by(self, judging: Judging, done: Done) -> None:
        """Have a coroutine find the answer."""
        if len(self._tasks) >= QUESTIONS_MAX:
            judging.close()
            done(Answer(False, error=Atom("overload")))
            return
        running = asyncio.get_running_loop().create_task(self._answer(judging, done))
        self._tasks[running] = judging  # or it might be collected
        running.add_done_callback(self._tasks.pop)

    async def _answer(self, judging: Judging, done: Done) -> None:
        running = asyncio.current_task()
        assert running is not None
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await judging
        except TimeoutError:
            answer = Answer(False, error=Atom("timeout"))
        except (Exception, asyncio.CancelledError):
            if running.cancelling():
                raise  # we have stopped; else it is something of its own that was cancelled
            if not self._has_raised:  # else it has had its line
                log.exception("an auth backend raised, backend=%s", self.name)
            self._has_raised = True
            answer = Answer(False, error=Atom("internal_error"))
        else:
            self._has_raised = False
        done(answer)

    async def close(self) -> None:
        """Whoever still waits for an answer gets none: the node has stopped."""
        tasks = dict(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for judging in tasks.values():
            judging.close()  # it may not have begun
