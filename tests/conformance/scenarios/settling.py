"""basic.ack, nack, reject, qos, recover: what an unacked message can go through."""

from __future__ import annotations

from tests.conformance.registry import scenario
from tests.conformance.wire_client import Channel, Play


def _consuming(play: Play, *bodies: str, **qos: object) -> tuple[Channel, str]:
    """A channel with a consumer "c" on a filled queue. Returns: the channel, the queue."""
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, *bodies)
    if qos:
        channel.prepare("Basic.Qos", **qos)
    channel.consume(queue)
    return channel, queue


def _got(play: Play, *bodies: str) -> tuple[Channel, str]:
    """A channel that got all these messages by basic.get and has not acked them."""
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, *bodies)
    for _ in bodies:
        channel.prepare_get(queue)
    return channel, queue


@scenario
def ack_one_by_one(play: Play) -> None:
    channel, queue = _got(play, "1", "2", "3")
    for tag in (2, 1, 3):
        channel.send("Basic.Ack", delivery_tag=tag)
    channel.call("Channel.Close")
    channel.connection.channel(2).count(queue)


@scenario
def ack_multiple(play: Play) -> None:
    channel, queue = _got(play, "1", "2", "3")
    channel.send("Basic.Ack", delivery_tag=2, multiple=True)
    channel.call("Channel.Close")
    channel.connection.channel(2).drain(queue)


@scenario
def ack_all(play: Play) -> None:
    channel, queue = _got(play, "1", "2", "3")
    channel.send("Basic.Ack", delivery_tag=0, multiple=True)
    channel.call("Channel.Close")
    channel.connection.channel(2).count(queue)


@scenario
def ack_all_when_nothing_is_unacked(play: Play) -> None:
    channel = play.channel()
    channel.send("Basic.Ack", delivery_tag=0, multiple=True)
    channel.send("Basic.Nack", delivery_tag=0, multiple=True, requeue=True)
    channel.nothing_more()


@scenario
def ack_unknown_tag(play: Play) -> None:
    channel = play.channel()
    channel.send("Basic.Ack", delivery_tag=1)
    channel.reply()


@scenario
def ack_unknown_tag_too_high(play: Play) -> None:
    channel, queue = _got(play, "1")
    channel.send("Basic.Ack", delivery_tag=2)
    channel.reply()
    channel.reopen()
    channel.wait_count(queue, 1)


@scenario
def ack_tag_zero(play: Play) -> None:
    channel, _ = _got(play, "1")
    channel.send("Basic.Ack", delivery_tag=0)
    channel.reply()


@scenario
def ack_multiple_unknown_tag(play: Play) -> None:
    channel, _ = _got(play, "1", "2")
    channel.send("Basic.Ack", delivery_tag=5, multiple=True)
    channel.reply()


@scenario
def ack_multiple_up_to_already_acked(play: Play) -> None:
    channel, _ = _got(play, "1", "2", "3")
    channel.send("Basic.Ack", delivery_tag=2)
    channel.send("Basic.Ack", delivery_tag=2, multiple=True)
    channel.reply()


@scenario
def ack_multiple_below_the_first(play: Play) -> None:
    channel, _ = _got(play, "1", "2", "3")
    channel.send("Basic.Ack", delivery_tag=2, multiple=True)
    channel.send("Basic.Ack", delivery_tag=1, multiple=True)
    channel.reply()


@scenario
def ack_twice(play: Play) -> None:
    channel, _ = _got(play, "1", "2")
    channel.send("Basic.Ack", delivery_tag=1)
    channel.send("Basic.Ack", delivery_tag=1)
    channel.reply()


@scenario
def ack_huge_tag(play: Play) -> None:
    channel = play.channel()
    channel.send("Basic.Ack", delivery_tag=2**64 - 1)
    channel.reply()


@scenario
def ack_on_another_channel(play: Play) -> None:
    channel, queue = _got(play, "1")
    other = channel.connection.channel()
    other.send("Basic.Ack", delivery_tag=1)
    other.reply()
    channel.call("Channel.Close")
    channel.connection.channel(3).drain(queue)


@scenario
def nack_unknown_tag(play: Play) -> None:
    channel = play.channel()
    channel.send("Basic.Nack", delivery_tag=7, requeue=True)
    channel.reply()


@scenario
def reject_unknown_tag(play: Play) -> None:
    channel = play.channel()
    channel.send("Basic.Reject", delivery_tag=7)
    channel.reply()


@scenario
def nack_drops(play: Play) -> None:
    channel, queue = _got(play, "1", "2")
    channel.send("Basic.Nack", delivery_tag=1)
    channel.send("Basic.Reject", delivery_tag=2)
    channel.count(queue)


@scenario
def nack_requeues_in_place(play: Play) -> None:
    channel, queue = _got(play, "1", "2", "3")
    channel.fill(queue, "4")
    channel.send("Basic.Nack", delivery_tag=2, requeue=True)
    channel.send("Basic.Reject", delivery_tag=1, requeue=True)
    channel.settled(queue)
    channel.drain(queue)


@scenario
def nack_multiple_requeues_in_order(play: Play) -> None:
    channel, queue = _got(play, "1", "2", "3")
    channel.fill(queue, "4")
    channel.send("Basic.Nack", delivery_tag=2, multiple=True, requeue=True)
    channel.settled(queue)
    channel.drain(queue)


@scenario
def nack_multiple_drops(play: Play) -> None:
    channel, queue = _got(play, "1", "2", "3")
    channel.send("Basic.Nack", delivery_tag=2, multiple=True)
    channel.send("Basic.Nack", delivery_tag=3, requeue=True)
    channel.settled(queue)
    channel.drain(queue)


@scenario
def nack_all_requeue(play: Play) -> None:
    channel, queue = _got(play, "1", "2", "3")
    channel.send("Basic.Nack", delivery_tag=0, multiple=True, requeue=True)
    channel.settled(queue)
    channel.drain(queue)


@scenario
def requeue_is_redelivered_to_the_consumer(play: Play) -> None:
    channel, _ = _consuming(play, "1")
    channel.send("Basic.Reject", delivery_tag=channel.delivery().tag, requeue=True)
    channel.send("Basic.Reject", delivery_tag=channel.delivery().tag, requeue=True)
    channel.delivery()


@scenario
def requeue_goes_before_newer(play: Play) -> None:
    channel, queue = _consuming(play, "1", "2", "3", prefetch_count=1)
    channel.delivery()
    channel.send("Basic.Nack", delivery_tag=1, requeue=True)
    again = channel.delivery()
    channel.send("Basic.Ack", delivery_tag=again.tag)
    channel.delivery()
    channel.count(queue)


@scenario
def requeue_of_two_channels_restores_order(play: Play) -> None:
    connection = play.connection()
    first, second = connection.channel(), connection.channel()
    queue = first.queue(play.name("q"))
    first.fill(queue, *"12345")
    for channel in (first, second, first, second):
        channel.prepare_get(queue)
    second.send("Basic.Nack", delivery_tag=0, multiple=True, requeue=True)
    second.settled(queue)
    first.send("Basic.Nack", delivery_tag=0, multiple=True, requeue=True)
    first.settled(queue)
    first.drain(queue)


@scenario
def redelivered_after_channel_close(play: Play) -> None:
    channel, queue = _consuming(play, "1", "2")
    channel.deliveries(2)
    channel.call("Channel.Close")
    channel.connection.channel(2).drain(queue)


@scenario
def redelivered_after_connection_close(play: Play) -> None:
    channel, queue = _consuming(play, "1", "2")
    channel.deliveries(2)
    channel.connection.close()
    play.channel().drain(queue)


@scenario
def redelivered_after_drop_to_waiting_consumer(play: Play) -> None:
    channel, queue = _consuming(play, "1", "2", prefetch_count=2)
    channel.deliveries(2)
    other = play.channel()
    other.consume(queue)
    channel.connection.drop()
    other.deliveries(2)


# --- basic.qos


@scenario
def qos_prefetch_size(play: Play) -> None:
    play.channel().call("Basic.Qos", prefetch_size=1000)


@scenario
def qos_prefetch_size_and_global(play: Play) -> None:
    play.channel().call("Basic.Qos", prefetch_size=1, prefetch_count=1, global_=True)


@scenario
def qos_limits_each_consumer(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Basic.Qos", prefetch_count=2)
    channel.consume(queue, "one")
    channel.fill(queue, *"1234567")
    channel.deliveries(2)
    channel.consume(queue, "two")
    channel.deliveries(2)
    channel.nothing_more()
    channel.count(queue)
    channel.send("Basic.Ack", delivery_tag=1)
    channel.deliveries(1)
    channel.count(queue)


@scenario
def qos_applies_to_new_consumers_only(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Basic.Qos", prefetch_count=1)
    channel.consume(queue, "one")
    channel.call("Basic.Qos", prefetch_count=3)
    channel.fill(queue, *"12345")
    channel.deliveries(1)
    channel.consume(queue, "two")
    channel.deliveries(3)
    channel.count(queue)
    channel.nothing_more()


@scenario
def qos_zero_means_unlimited(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Basic.Qos", prefetch_count=1)
    channel.call("Basic.Qos", prefetch_count=0)
    channel.consume(queue)
    channel.fill(queue, *"12345")
    channel.deliveries(5)


@scenario
def qos_does_not_limit_no_ack(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Basic.Qos", prefetch_count=1)
    channel.consume(queue, no_ack=True)
    channel.fill(queue, *"123")
    channel.deliveries(3)


@scenario
def qos_does_not_limit_get(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, *"123")
    channel.call("Basic.Qos", prefetch_count=1)
    for _ in range(3):
        channel.get(queue, no_ack=False)


@scenario
def qos_nack_frees_a_place(play: Play) -> None:
    channel, _ = _consuming(play, "1", "2", "3", prefetch_count=1)
    channel.send("Basic.Nack", delivery_tag=channel.delivery().tag)
    channel.send("Basic.Reject", delivery_tag=channel.delivery().tag)
    channel.delivery()


@scenario
def qos_ack_multiple_frees_places(play: Play) -> None:
    channel, _ = _consuming(play, *"123456", prefetch_count=3)
    channel.send("Basic.Ack", delivery_tag=channel.deliveries(3)[-1].tag, multiple=True)
    channel.deliveries(3)
    channel.nothing_more()


@scenario
def qos_global_limits_the_channel(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    other = channel.queue(play.name("other"))
    channel.fill(queue, *"123")
    channel.fill(other, *"abc")
    channel.call("Basic.Qos", prefetch_count=2, global_=True)
    channel.consume(queue, "one")
    channel.deliveries(2)
    channel.consume(other, "two")
    channel.quiet()
    channel.send("Basic.Ack", delivery_tag=2, multiple=True)
    channel.settled(queue)
    events = channel.connection.wait(
        lambda: list(channel.inbox) if len(channel.inbox) == 2 else None
    )
    play.note("delivered", count=len(events or []))
    channel.inbox.clear()
    channel.quiet()


@scenario
def qos_global_with_consumers_already_running(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.consume(queue)
    channel.fill(queue, *"123")
    channel.deliveries(3)
    channel.call("Basic.Qos", prefetch_count=4, global_=True)
    channel.fill(queue, "4")
    channel.deliveries(1)
    channel.fill(queue, "5")
    channel.quiet()
    channel.send("Basic.Ack", delivery_tag=1)
    channel.deliveries(1)


@scenario
def qos_global_counts_gets(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, *"1234")
    channel.get(queue, no_ack=False)
    channel.call("Basic.Qos", prefetch_count=2, global_=True)
    channel.consume(queue)
    channel.deliveries(1)
    channel.quiet()


@scenario
def qos_global_raised_while_consuming(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, *"12345")
    channel.call("Basic.Qos", prefetch_count=1, global_=True)
    channel.consume(queue)
    channel.deliveries(1)
    channel.call("Basic.Qos", prefetch_count=3, global_=True)
    channel.deliveries(2)
    channel.quiet()


@scenario
def qos_global_removed_while_consuming(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, *"12345")
    channel.call("Basic.Qos", prefetch_count=1, global_=True)
    channel.consume(queue)
    channel.deliveries(1)
    channel.call("Basic.Qos", prefetch_count=0, global_=True)
    channel.deliveries(4)


@scenario
def qos_global_lowered_while_consuming(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, *"12345")
    channel.call("Basic.Qos", prefetch_count=3, global_=True)
    channel.consume(queue)
    channel.deliveries(3)
    channel.call("Basic.Qos", prefetch_count=1, global_=True)
    channel.send("Basic.Ack", delivery_tag=1)
    channel.send("Basic.Ack", delivery_tag=2)
    channel.quiet()
    channel.send("Basic.Ack", delivery_tag=3)
    channel.deliveries(1)
    channel.quiet()


@scenario
def qos_per_consumer_switches_global_off(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, *"12345")
    channel.call("Basic.Qos", prefetch_count=1, global_=True)
    channel.consume(queue)
    channel.deliveries(1)
    channel.call("Basic.Qos", prefetch_count=1)
    channel.deliveries(4)


@scenario
def qos_both_kinds_together(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, *"1234567")
    channel.call("Basic.Qos", prefetch_count=2)
    channel.call("Basic.Qos", prefetch_count=3, global_=True)
    channel.consume(queue, "one")
    channel.deliveries(2)
    channel.consume(queue, "two")
    channel.deliveries(1)
    channel.quiet()


@scenario
def qos_is_per_channel(play: Play) -> None:
    connection = play.connection()
    first, second = connection.channel(), connection.channel()
    queue = first.queue(play.name("q"))
    first.call("Basic.Qos", prefetch_count=1)
    first.fill(queue, *"1234")
    second.consume(queue)
    second.deliveries(4)


@scenario
def qos_unequal_consumers(play: Play) -> None:
    connection = play.connection()
    slow, fast = connection.channel(), connection.channel()
    queue = slow.queue(play.name("q"))
    for channel in (slow, fast):
        channel.call("Basic.Qos", prefetch_count=1)
        channel.consume(queue)
    slow.fill(queue, *"1234")
    slow.delivery()
    for _ in range(2):
        fast.send("Basic.Ack", delivery_tag=fast.delivery().tag)
    fast.delivery()


# --- basic.recover


@scenario
def recover_requeues(play: Play) -> None:
    channel, queue = _got(play, "1", "2", "3")
    channel.send("Basic.Ack", delivery_tag=2)
    channel.call("Basic.Recover", requeue=True)
    channel.settled(queue)
    channel.drain(queue)


@scenario
def recover_to_the_consumer(play: Play) -> None:
    channel, _ = _consuming(play, "1", "2")
    channel.deliveries(2)
    channel.call("Basic.Recover", requeue=True)
    channel.deliveries(2)


@scenario
def recover_without_requeue(play: Play) -> None:
    channel, _ = _got(play, "1")
    channel.call("Basic.Recover", requeue=False)


@scenario
def recover_nothing(play: Play) -> None:
    play.channel().call("Basic.Recover", requeue=True)


@scenario
def recover_async(play: Play) -> None:
    channel, queue = _got(play, "1", "2")
    channel.send("Basic.RecoverAsync", requeue=True)
    channel.settled(queue)
    channel.drain(queue)


@scenario
def recover_async_without_requeue(play: Play) -> None:
    channel = play.channel()
    channel.send("Basic.RecoverAsync", requeue=False)
    channel.reply()


@scenario
def recover_then_old_tags_are_unknown(play: Play) -> None:
    channel, _ = _got(play, "1")
    channel.call("Basic.Recover", requeue=True)
    channel.send("Basic.Ack", delivery_tag=1)
    channel.reply()


@scenario
def recover_only_own_channel(play: Play) -> None:
    channel, queue = _got(play, "1")
    other = channel.connection.channel()
    other.call("Basic.Recover", requeue=True)
    other.count(queue)


# --- deliveries and channel lifetime


@scenario
def delivery_tags_start_again_on_a_new_channel(play: Play) -> None:
    channel, queue = _got(play, "1", "2")
    channel.call("Channel.Close")
    channel.reopen()
    channel.get(queue, no_ack=False)


@scenario
def consuming_from_two_queues(play: Play) -> None:
    channel = play.channel()
    for label in ("one", "two"):
        queue = channel.queue(play.name(label))
        channel.consume(queue, label)
        channel.fill(queue, f"for {label}")
        channel.deliveries()
    channel.send("Basic.Ack", delivery_tag=2, multiple=True)
    channel.call("Channel.Close")
    last = channel.connection.channel(2)
    for label in ("one", "two"):
        last.count(play.name(label))
