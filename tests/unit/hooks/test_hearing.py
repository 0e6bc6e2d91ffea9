"""Who hears of events, and that nobody costs nothing."""

from __future__ import annotations

from broker.hooks.events import EXCHANGE, Facts
from broker.node import Node


def test_nothing_is_put_together_where_nobody_hears() -> None:
    node = Node(name="rabbit@here")
    node.make_defaults()
    assert node.events is None
    heard: list[str] = []

    def listen(key: str, facts: Facts) -> None:
        heard.append(key)

    node.hearing.begin(listen)
    assert node.events is not None
    assert node.events.is_heard
    node.set_alarm("memory")
    node.hearing.end(listen)
    assert heard == ["alarm.set"]
    assert node.events is None
    node.hearing.end(listen)  # a node that was told to publish no more has forgotten it
    node.hearing.publish_no_more()
    assert EXCHANGE not in node.vhosts["/"].exchanges


def test_listeners_and_the_exchange_do_not_depend_on_each_other() -> None:
    node = Node(name="rabbit@here")
    node.make_defaults()
    heard: list[str] = []

    def listen(key: str, facts: Facts) -> None:
        heard.append(key)

    node.tell_events()
    assert EXCHANGE in node.vhosts["/"].exchanges
    assert node.hearing.is_published
    node.hearing.begin(listen)
    node.hearing.publish_no_more()
    assert not node.hearing.is_published
    node.set_alarm("disk")
    assert heard == ["alarm.set"]
    node.tell_events()
    node.hearing.end(listen)
    assert node.events is not None
    node.hearing.publish_no_more()
    assert node.events is None
