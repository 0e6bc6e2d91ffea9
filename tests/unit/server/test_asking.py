from __future__ import annotations

import asyncio
import logging

import pytest

from broker.amqp.erlang import Atom
from broker.auth.backends import YES, Answer
from broker.server import asking as asking_module
from broker.server.asking import Asking


async def answered(asking: Asking, judging: object) -> Answer:
    heard: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    asking.answer_by(judging, heard.set_result)  # type: ignore[arg-type]
    return await heard


def test_whatever_becomes_of_it_there_is_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def says_yes() -> Answer:
        await asyncio.sleep(0)
        return YES

    async def raises() -> Answer:
        raise RuntimeError("it broke")

    async def hangs() -> Answer:
        await asyncio.Event().wait()
        return YES

    async def main() -> None:
        asking = Asking("mine", 0.01)
        assert await answered(asking, says_yes()) == YES
        assert await answered(asking, raises()) == Answer(False, error=Atom("internal_error"))
        assert await answered(asking, hangs()) == Answer(False, error=Atom("timeout"))
        await asyncio.sleep(0)
        assert not asking._tasks

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
    assert "an auth backend raised, backend=mine" in caplog.text


def test_closing_ends_what_is_under_way() -> None:
    heard: list[Answer] = []

    async def hangs() -> Answer:
        await asyncio.Event().wait()
        return YES

    async def main() -> None:
        asking = Asking("mine", 10)
        asking.answer_by(hangs(), heard.append)
        await asyncio.sleep(0)
        await asking.close()
        assert not asking._tasks

    asyncio.run(main())
    assert heard == []


def test_what_cancels_itself_has_failed() -> None:
    async def cancelled() -> Answer:
        lost: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        lost.cancel()
        return await lost

    async def main() -> None:
        asking = Asking("mine", 10)
        async with asyncio.timeout(10):
            answer = await answered(asking, cancelled())
        assert answer == Answer(False, error=Atom("internal_error"))

    asyncio.run(main())


def test_only_so_many_questions_are_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking_module, "QUESTIONS_MAX", 2)
    heard: list[Answer] = []

    async def hangs() -> Answer:
        await asyncio.Event().wait()
        return YES

    async def main() -> None:
        asking = Asking("mine", 10)
        for _ in range(3):
            asking.answer_by(hangs(), heard.append)
        assert heard == [Answer(False, error=Atom("overload"))]
        await asking.close()

    asyncio.run(main())
