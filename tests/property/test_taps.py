"""A tap that does nothing changes nothing: the same octets in give the same octets out."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.commands import SetTracing
from broker.hooks import InterceptedMessage, Interceptor
from tests.property.conftest import examples
from tests.property.conversations import reads
from tests.property.test_fast_path import Twins, cuts
from tests.support.peer import World


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Refusals are logged; thousands of them are meant."""
    caplog.set_level(logging.CRITICAL, logger="broker")


class Onlooker(Interceptor):
    """Looks at everything and lets it pass."""

    def on_publish(self, message: InterceptedMessage) -> None:
        assert isinstance(message.headers, dict)

    on_deliver = on_publish


class Copyist(Interceptor):
    """Makes everything anew, as it was."""

    def on_publish(self, message: InterceptedMessage) -> InterceptedMessage:
        return message.changed()

    on_deliver = on_publish


def watched(world: World) -> None:
    world.node.taps.use([Onlooker(), Onlooker()])


def copied(world: World) -> None:
    world.node.taps.use([Copyist()])


def traced(world: World) -> None:
    """Without anybody who is bound for the copies."""
    world.node.execute(SetTracing("/", is_on=True))


@pytest.mark.parametrize("tap", [watched, copied, traced])
@examples(120)
@given(script=st.lists(st.tuples(st.integers(0, 1), reads, cuts), min_size=1, max_size=12))
def test_a_conversation_has_the_same_answers(
    tap: Callable[[World], None], script: list[tuple[int, bytes, float]]
) -> None:
    def make(settings: dict[str, object]) -> World:
        world = World()
        if not settings["fast_path"]:  # the second of the twins
            tap(world)
        return world

    twins = Twins(make)
    for number, octets, cut in script:
        twins.say(number, octets, cut)
    twins.finish()
    assert twins.worlds[1].node.taps.errors == {}
    assert twins.worlds[0].vhost.tap is None
    assert twins.worlds[1].vhost.tap is not None
