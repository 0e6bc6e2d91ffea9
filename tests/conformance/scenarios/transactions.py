"""The tx and confirm classes."""

from __future__ import annotations

from tests.conformance.registry import scenario
from tests.conformance.wire_client import Play


@scenario
def confirm_select(play: Play) -> None:
    channel = play.channel()
    channel.call("Confirm.Select")
    channel.call("Confirm.Select")


@scenario
def confirm_select_nowait(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.send("Confirm.Select", nowait=True)
    channel.publish(queue, "x")
    channel.arrivals(1)


@scenario
def confirm_routed(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), durable=True)
    channel.confirm_select()
    for n in range(20):
        channel.publish(queue, str(n), delivery_mode=1 + n % 2)
    channel.confirms()
    channel.count(queue)


@scenario
def confirm_one_at_a_time(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.confirm_select()
    for n in range(3):
        channel.publish(queue, str(n))
        channel.arrivals(1)


@scenario
def confirm_unroutable(play: Play) -> None:
    channel = play.channel()
    channel.confirm_select()
    channel.publish("nowhere", "x")
    channel.confirms()


@scenario
def confirm_after_return(play: Play) -> None:
    channel = play.channel()
    channel.confirm_select()
    for body in "12":
        channel.publish("nowhere", body, mandatory=True)
        channel.arrivals(2)


@scenario
def confirm_mandatory_routed(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.confirm_select()
    channel.publish(queue, "x", mandatory=True)
    channel.confirms()
    channel.nothing_more()


@scenario
def confirm_counts_from_select(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "before", "before too")
    channel.call("Confirm.Select")
    channel.publish(queue, "first")
    channel.arrivals(1)
    channel.call("Confirm.Select")
    channel.publish(queue, "second")
    channel.arrivals(1)


@scenario
def confirm_counts_from_one_on_a_new_channel(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    for _ in range(2):
        channel.confirm_select()
        channel.publish(queue, "x")
        channel.arrivals(1)
        channel.call("Channel.Close")
        channel.reopen()


@scenario
def confirm_to_several_queues(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), "fanout")
    for n in range(3):
        channel.bind(channel.queue(play.name(f"q{n}"), durable=n == 1), exchange)
    channel.confirm_select()
    for n in range(5):
        channel.publish("", str(n), exchange, delivery_mode=2)
    channel.confirms()


@scenario
def confirm_with_consumer(play: Play) -> None:
    channel, consumer = play.channel(), play.channel()
    queue = channel.queue(play.name("q"), durable=True)
    consumer.consume(queue)
    channel.confirm_select()
    for n in range(3):
        channel.publish(queue, str(n), delivery_mode=2)
    for event in consumer.deliveries(3):
        consumer.send("Basic.Ack", delivery_tag=event.tag)
    channel.confirms()


@scenario
def confirm_publish_refused(play: Play) -> None:
    channel = play.channel()
    channel.confirm_select()
    channel.publish("k", "x", play.name("nope"))
    channel.reply()


@scenario
def confirm_on_tx_channel(play: Play) -> None:
    channel = play.channel()
    channel.call("Tx.Select")
    channel.call("Confirm.Select")


@scenario
def tx_on_confirm_channel(play: Play) -> None:
    channel = play.channel()
    channel.call("Confirm.Select")
    channel.call("Tx.Select")


@scenario
def tx_select_twice(play: Play) -> None:
    channel = play.channel()
    channel.call("Tx.Select")
    channel.call("Tx.Select")


@scenario
def tx_commit_without_select(play: Play) -> None:
    play.channel().call("Tx.Commit")


@scenario
def tx_rollback_without_select(play: Play) -> None:
    play.channel().call("Tx.Rollback")


@scenario
def tx_empty_commit_and_rollback(play: Play) -> None:
    channel = play.channel()
    channel.call("Tx.Select")
    channel.call("Tx.Commit")
    channel.call("Tx.Rollback")


@scenario
def tx_publishes_appear_at_commit(play: Play) -> None:
    channel, other = play.channel(), play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Tx.Select")
    channel.publish(queue, "1")
    channel.publish(queue, "2")
    channel.barrier()
    other.count(queue)
    channel.call("Tx.Commit")
    other.count(queue)
    other.drain(queue)


@scenario
def tx_publishes_vanish_at_rollback(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Tx.Select")
    channel.publish(queue, "1")
    channel.call("Tx.Rollback")
    channel.publish(queue, "2")
    channel.call("Tx.Commit")
    channel.drain(queue)


@scenario
def tx_publishes_vanish_with_the_channel(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Tx.Select")
    channel.publish(queue, "1")
    channel.call("Channel.Close")
    channel.reopen()
    channel.count(queue)


@scenario
def tx_ack_commit(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "1", "2")
    channel.call("Tx.Select")
    channel.get(queue, no_ack=False)
    channel.get(queue, no_ack=False)
    channel.send("Basic.Ack", delivery_tag=1)
    channel.call("Tx.Commit")
    channel.call("Channel.Close")
    channel.reopen()
    channel.drain(queue)


@scenario
def tx_ack_rollback(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "1", "2")
    channel.call("Tx.Select")
    channel.get(queue, no_ack=False)
    channel.get(queue, no_ack=False)
    channel.send("Basic.Ack", delivery_tag=2, multiple=True)
    channel.call("Tx.Rollback")
    channel.send("Basic.Ack", delivery_tag=1)
    channel.call("Tx.Commit")
    channel.call("Channel.Close")
    channel.reopen()
    channel.drain(queue)


@scenario
def tx_reject_commit(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "1", "2", "3")
    channel.call("Tx.Select")
    for _ in range(3):
        channel.get(queue, no_ack=False)
    channel.send("Basic.Reject", delivery_tag=1)
    channel.send("Basic.Nack", delivery_tag=3, requeue=True)
    channel.count(queue)
    channel.call("Tx.Commit")
    channel.settled(queue)
    channel.drain(queue)


@scenario
def tx_ack_is_checked_at_once(play: Play) -> None:
    channel = play.channel()
    channel.call("Tx.Select")
    channel.send("Basic.Ack", delivery_tag=9)
    channel.reply()


@scenario
def tx_ack_twice_in_one_transaction(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "1")
    channel.call("Tx.Select")
    channel.get(queue, no_ack=False)
    channel.send("Basic.Ack", delivery_tag=1)
    channel.send("Basic.Ack", delivery_tag=1)
    channel.reply()


@scenario
def tx_publish_is_checked_at_once(play: Play) -> None:
    channel = play.channel()
    channel.call("Tx.Select")
    channel.publish("k", "x", play.name("nope"))
    channel.reply()


@scenario
def tx_routed_when_published(play: Play) -> None:
    """RabbitMQ routes at publish: a binding made before the commit comes too late."""
    channel = play.channel()
    exchange, queue = channel.exchange(play.name("x")), channel.queue(play.name("q"))
    channel.call("Tx.Select")
    channel.publish("k", "too early", exchange)
    channel.bind(queue, exchange, "k")
    channel.publish("k", "in time", exchange)
    channel.call("Tx.Commit")
    channel.drain(queue)


@scenario
def tx_mandatory_returned_at_commit(play: Play) -> None:
    channel = play.channel()
    channel.call("Tx.Select")
    channel.publish("nowhere", "x", mandatory=True)
    channel.nothing_more()
    channel.send("Tx.Commit")
    channel.arrivals(2)


@scenario
def tx_mandatory_not_returned_at_rollback(play: Play) -> None:
    channel = play.channel()
    channel.call("Tx.Select")
    channel.publish("nowhere", "x", mandatory=True)
    channel.call("Tx.Rollback")
    channel.nothing_more()


@scenario
def tx_durable(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), durable=True)
    channel.call("Tx.Select")
    for n in range(3):
        channel.publish(queue, str(n), delivery_mode=2)
    channel.call("Tx.Commit")
    channel.drain(queue)


@scenario
def tx_publish_and_ack_together(play: Play) -> None:
    channel = play.channel()
    source, target = channel.queue(play.name("source")), channel.queue(play.name("target"))
    channel.fill(source, "1", "2")
    channel.call("Tx.Select")
    channel.consume(source)
    for event in channel.deliveries(2):
        channel.publish(target, f"done {event.body.decode()}")
        channel.send("Basic.Ack", delivery_tag=event.tag)
    channel.call("Tx.Commit")
    channel.drain(target)
    channel.call("Channel.Close")
    channel.reopen()
    channel.count(source)


@scenario
def tx_acks_hold_prefetch_until_commit(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "1", "2")
    channel.call("Tx.Select")
    channel.prepare("Basic.Qos", prefetch_count=1)
    channel.consume(queue)
    channel.send("Basic.Ack", delivery_tag=channel.delivery().tag)
    channel.nothing_more()
    channel.call("Tx.Commit")
    channel.delivery()


@scenario
def tx_recover_ignores_the_transaction(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "1")
    channel.call("Tx.Select")
    channel.get(queue, no_ack=False)
    channel.call("Basic.Recover", requeue=True)
    channel.get(queue)
    channel.call("Tx.Rollback")
    channel.count(queue)


@scenario
def tx_target_queue_deleted_before_commit(play: Play) -> None:
    channel, other = play.channel(), play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Tx.Select")
    channel.publish(queue, "x", mandatory=True)
    channel.barrier()
    other.call("Queue.Delete", queue=queue)
    channel.send("Tx.Commit")
    channel.arrivals(1)
