"""Interceptors in a chain: order, changes, drops, refusals, and those that go wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from broker.amqp.errors import NotFound
from broker.commands import AddVhost, SetTracing
from broker.hooks import DROP, AccessRefused, InterceptedMessage, Interceptor
from broker.hooks.tap import Chain, Taps
from broker.node import Node
from tests.support.builders import header

Answer = Callable[[InterceptedMessage], object]


class Saying(Interceptor):
    """Answers with what a function makes of the message."""

    def __init__(self, name: str, answer: Answer):
        self.name = name
        self._answer = answer

    def on_publish(self, message: InterceptedMessage) -> InterceptedMessage | None:
        return self._answer(message)  # type: ignore[return-value]

    on_deliver = on_publish


def fail(_: object) -> None:
    raise RuntimeError("out of order")


def refuse(_: object) -> None:
    raise AccessRefused("not on a Sunday")


def add(text: str) -> Answer:
    return lambda message: message.changed(body=message.body + text.encode())


def message() -> InterceptedMessage:
    return InterceptedMessage(exchange="x", routing_key="k", header=header(0), body=b"")


def chain(*answers: Answer) -> Chain:
    return Chain([Saying(f"n{place}", answer) for place, answer in enumerate(answers)], {})


def anything(_: InterceptedMessage) -> None:
    """A check that all pass."""


def published(made: Chain) -> bytes | None:
    left = made.on_publish(message(), anything)
    return None if left is None else left.body


def test_each_sees_what_the_one_before_made_of_it() -> None:
    assert published(chain(add("a"), add("b"), add("c"))) == b"abc"


def test_what_is_let_pass_is_the_same_object() -> None:
    came = message()
    assert chain(lambda _: None, lambda m: m).on_publish(came, anything) is came
    assert chain(lambda _: None, lambda m: m).on_deliver(came, anything) is came


def test_what_is_dropped_is_shown_to_nobody_else() -> None:
    assert published(chain(add("a"), lambda _: DROP, lambda _: pytest.fail("shown"))) is None


def test_a_refusal_goes_to_the_publisher() -> None:
    with pytest.raises(AccessRefused, match="not on a Sunday"):
        published(chain(add("a"), refuse, lambda _: pytest.fail("shown")))


@pytest.mark.parametrize(
    "answer",
    [
        fail,
        lambda _: "text",
        lambda _: True,
        lambda m: m.changed(colour="red"),
        lambda _: (_ for _ in ()).throw(NotFound("another refusal")),
    ],
    ids=["raises", "text", "true", "no property", "404"],
)
def test_who_goes_wrong_is_left_out_logged_once_and_counted(
    answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    made = chain(add("a"), answer, add("c"))
    for _ in range(3):
        assert published(made) == b"ac"
    assert made.errors == {"n1": 3}
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "an interceptor failed, the message goes on, name=n1" in caplog.text
    assert record.exc_info is not None


def test_a_change_that_does_not_stand_the_check_is_left_out() -> None:
    def check(changed: InterceptedMessage) -> None:
        if b"b" in changed.body:
            raise NotFound("by the check")

    made = chain(add("a"), add("b"), add("c"))
    left = made.on_publish(message(), check)
    assert left is not None
    assert left.body == b"ac"
    assert made.errors == {"n1": 1}


@pytest.mark.parametrize("answer", [fail, refuse, lambda _: DROP, lambda _: 5])
def test_a_delivery_goes_on_whatever_they_do(answer: Answer) -> None:
    made = chain(add("a"), answer, add("c"))
    assert made.on_deliver(message(), anything).body == b"ac"
    assert made.errors == {"n1": 1}


def test_who_has_no_say_is_not_asked() -> None:
    class Nothing(Interceptor):
        pass

    made = Chain([Nothing()], {})
    assert not made.sees_deliveries
    assert chain(add("a")).sees_deliveries
    assert published(made) == b""


def test_one_without_a_name_is_called_by_its_class() -> None:
    class Anonymous(Interceptor):
        def on_publish(self, message: InterceptedMessage) -> None:
            raise RuntimeError

    made = Chain([Anonymous()], {})
    assert published(made) == b""
    assert made.errors == {"Anonymous": 1}


# which vhost has a tap


@pytest.fixture
def node() -> Node:
    node = Node()
    node.make_defaults()
    return node


def test_a_vhost_has_a_tap_while_it_is_traced(node: Node) -> None:
    version = node.version.number
    vhost = node.vhosts["/"]
    assert vhost.tap is None
    node.execute(SetTracing("/", is_on=True))
    assert vhost.tap.firehose is not None
    assert vhost.tap.chain is None
    assert node.version.number > version
    node.execute(SetTracing("/", is_on=False))
    assert vhost.tap is None


def test_interceptors_are_everywhere_in_new_vhosts_too(node: Node) -> None:
    version = node.version.number
    node.taps.use([Saying("n", anything)])
    assert node.version.number > version
    node.execute(AddVhost("other"))
    for vhost in node.vhosts.values():
        assert vhost.tap.chain is not None
        assert vhost.tap.firehose is None
    node.execute(SetTracing("other", is_on=True))
    assert node.vhosts["other"].tap.chain is not None
    node.taps.use([])
    assert node.vhosts["/"].tap is None
    assert node.vhosts["other"].tap.chain is None
    assert node.vhosts["other"].tap.firehose is not None


def test_errors_are_counted_on_when_the_interceptors_change(node: Node) -> None:
    assert isinstance(node.taps, Taps)
    for _ in range(2):
        node.taps.use([Saying("n", fail)])
        assert published(node.vhosts["/"].tap.chain) == b""
    assert node.taps.errors == {"n": 2}
