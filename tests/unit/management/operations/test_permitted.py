"""What a visitor may do, whoever decides it."""

from __future__ import annotations

import asyncio

import pytest

from broker.amqp.errors import access_refused
from broker.management.operations.permitted import decided, entered, require
from broker.management.request import Refusal
from broker.session.access import Pending, Suspended
from tests.support.api import Api


def test_an_answer_is_waited_for() -> None:
    pending = Pending()
    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked < 3:
            asyncio.get_running_loop().call_soon(pending.on_answer)
            raise Suspended(pending)

    Api().runs(decided(check))
    assert asked == 3


def test_no_is_a_401_with_the_text_of_amqp() -> None:
    def check() -> None:
        raise access_refused("queue 'q' in vhost '/'", "somebody")

    with pytest.raises(Refusal) as refused:
        Api().runs(decided(check))
    assert refused.value.status == 401
    assert "access to queue 'q' in vhost '/' refused" in str(refused.value.reason)


def test_of_a_visitor() -> None:
    api = Api()
    api.has_user("u", "management")
    api.has_vhost("v")

    async def run() -> None:
        request = api.request("GET", "/whoami", user="u")
        visitor = await api.application.doorkeeper.admit(request)
        access = await entered(visitor, "/")
        await require(access, "read", "queue", "q")
        with pytest.raises(Refusal):
            await entered(visitor, "v")

    api.runs(run())
