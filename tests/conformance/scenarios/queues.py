"""queue.declare, queue.delete: names, flags, arguments, equivalence."""

from __future__ import annotations

from tests.conformance.registry import scenario
from tests.conformance.wire_client import Channel, Play
from tests.conformance.wire_codec import Tagged


@scenario
def queue_declare(play: Play) -> None:
    channel = play.channel()
    channel.call("Queue.Declare", queue=play.name("q"))


@scenario
def queue_declare_again_is_idempotent(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), durable=True)
    channel.fill(queue, "1", "2")
    channel.consume(channel.queue(play.name("other")))
    channel.call("Queue.Declare", queue=queue, durable=True)


@scenario
def queue_declare_counts_consumers(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.consume(queue, "one")
    channel.consume(queue, "two")
    channel.count(queue)
    channel.call("Basic.Cancel", consumer_tag="one")
    channel.count(queue)


@scenario
def queue_declare_server_named(play: Play) -> None:
    channel = play.channel()
    first = channel.call("Queue.Declare", queue="", exclusive=True)
    second = channel.call("Queue.Declare", queue="", exclusive=True)
    channel.count(first["queue"])
    channel.count(second["queue"])


@scenario
def queue_declare_server_named_shared(play: Play) -> None:
    channel = play.channel()
    name = play.owns(channel.call("Queue.Declare", queue="")["queue"])
    play.channel().count(name)


@scenario
def queue_declare_server_named_again_by_name(play: Play) -> None:
    channel = play.channel()
    name = channel.call("Queue.Declare", queue="", exclusive=True)["queue"]
    channel.call("Queue.Declare", queue=name, exclusive=True)


@scenario
def queue_declare_server_named_nowait_then_empty_name(play: Play) -> None:
    channel = play.channel()
    channel.send("Queue.Declare", queue="", exclusive=True, nowait=True)
    channel.call("Queue.Bind", queue="", exchange="amq.direct", routing_key="key")
    channel.call("Basic.Get", queue="", no_ack=True)


@scenario
def queue_declare_nowait(play: Play) -> None:
    channel = play.channel()
    queue = play.name("q")
    channel.send("Queue.Declare", queue=queue, nowait=True)
    channel.count(queue)


@scenario
def queue_declare_nowait_refused(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.send("Queue.Declare", queue=queue, durable=True, nowait=True)
    channel.reply()


@scenario
def queue_declare_passive_unknown(play: Play) -> None:
    channel = play.channel()
    channel.call("Queue.Declare", queue=play.name("nope"), passive=True)


@scenario
def queue_declare_passive_nowait_unknown(play: Play) -> None:
    channel = play.channel()
    channel.send("Queue.Declare", queue=play.name("nope"), passive=True, nowait=True)
    channel.reply()


@scenario
def queue_declare_passive_nowait_known(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.send("Queue.Declare", queue=queue, passive=True, nowait=True)
    channel.call("Basic.Qos")


@scenario
def queue_declare_passive_ignores_flags(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), auto_delete=True)
    channel.call(
        "Queue.Declare",
        queue=queue,
        passive=True,
        durable=True,
        arguments={"x-message-ttl": "nonsense", "x-expires": -1},
    )


@scenario
def queue_declare_passive_empty_name(play: Play) -> None:
    channel = play.channel()
    channel.call("Queue.Declare", queue="", passive=True)


@scenario
def queue_declare_passive_empty_name_after_declare(play: Play) -> None:
    channel = play.channel()
    channel.queue(play.name("q"))
    channel.call("Queue.Declare", queue="", passive=True)


@scenario
def queue_declare_inequivalent_durable(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Queue.Declare", queue=queue, durable=True)
    channel.reopen()
    channel.call("Queue.Delete", queue=queue)
    channel.call("Queue.Declare", queue=queue, durable=True)
    channel.call("Queue.Declare", queue=queue)


@scenario
def queue_declare_inequivalent_auto_delete(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Queue.Declare", queue=queue, auto_delete=True)


@scenario
def queue_declare_inequivalent_not_auto_delete(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), auto_delete=True)
    channel.call("Queue.Declare", queue=queue)


@scenario
def queue_declare_inequivalent_exclusive(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Queue.Declare", queue=queue, exclusive=True)


@scenario
def queue_declare_inequivalent_not_exclusive(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), exclusive=True)
    channel.call("Queue.Declare", queue=queue)


@scenario
def queue_declare_exclusive_durable_is_transient(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), exclusive=True, durable=True)
    channel.call("Queue.Declare", queue=queue, exclusive=True)
    channel.call("Queue.Declare", queue=queue, exclusive=True, durable=True)


@scenario
def queue_declare_flags_compared_before_arguments(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call(
        "Queue.Declare",
        queue=queue,
        durable=True,
        auto_delete=True,
        arguments={"x-message-ttl": 5},
    )


@scenario
def queue_declare_arguments_validated_only_when_new(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Queue.Declare", queue=queue, arguments={"x-max-length": -1})


@scenario
def queue_declare_reserved_name(play: Play) -> None:
    channel = play.channel()
    channel.call("Queue.Declare", queue="amq.conformance")


@scenario
def queue_declare_reserved_name_passive(play: Play) -> None:
    channel = play.channel()
    channel.call("Queue.Declare", queue="amq.conformance", passive=True)


@scenario
def queue_declare_reserved_prefix_only(play: Play) -> None:
    channel = play.channel()
    channel.call("Queue.Declare", queue="amq.")


@scenario
def queue_declare_name_starting_with_amq(play: Play) -> None:
    channel = play.channel()
    channel.call("Queue.Declare", queue="amqp.fine", exclusive=True)
    channel.call("Queue.Declare", queue="AMQ.fine", exclusive=True)


@scenario
def queue_declare_name_loses_line_ends(play: Play) -> None:
    channel = play.channel()
    name = play.name("q")
    channel.call("Queue.Declare", queue=f"{name}\r\n")
    channel.call("Queue.Declare", queue=name, passive=True)
    channel.call("Queue.Declare", queue=f"\n{name}", passive=True)
    channel.call("Queue.Delete", queue=f"{name}\n")
    channel.call("Queue.Declare", queue=name, passive=True)


@scenario
def queue_declare_name_of_255_bytes(play: Play) -> None:
    channel = play.channel()
    channel.call("Queue.Declare", queue="ö" * 127 + "x", exclusive=True)


@scenario
def queue_declare_name_with_spaces_and_unicode(play: Play) -> None:
    channel = play.channel()
    name = channel.queue("Zażółć gęślą / jaźń 'quoted' %2F", exclusive=True)
    channel.call("Queue.Declare", queue=name, exclusive=True, durable=True, auto_delete=True)


@scenario
def queue_declare_name_not_utf8(play: Play) -> None:
    channel = play.channel()
    channel.send_payload(1, b"\x00\x32\x00\x0a\x00\x00\x03a\xff\xfe\x04\x00\x00\x00\x00")
    channel.reply()


def _equivalence(channel: Channel, queue: str, first: object, second: object, name: str) -> None:
    """Declare with one value of an argument, then with another. None: without the argument."""
    channel.queue(queue, arguments={} if first is None else {name: first})
    channel.call("Queue.Declare", queue=queue, arguments={} if second is None else {name: second})


@scenario
def queue_arguments_ttl_other_value(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), 1000, 2000, "x-message-ttl")


@scenario
def queue_arguments_ttl_missing(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), 1000, None, "x-message-ttl")


@scenario
def queue_arguments_ttl_added(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), None, 1000, "x-message-ttl")


@scenario
def queue_arguments_ttl_other_integer_type(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), 1000, Tagged("l", 1000), "x-message-ttl")


@scenario
def queue_arguments_ttl_as_string_when_integer(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), 1000, "1000", "x-message-ttl")


@scenario
def queue_arguments_expires_other_value(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), 60000, 70000, "x-expires")


@scenario
def queue_arguments_max_length_other_value(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), 10, 11, "x-max-length")


@scenario
def queue_arguments_max_length_missing(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), 10, None, "x-max-length")


@scenario
def queue_arguments_max_length_bytes_other_value(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), 10, 11, "x-max-length-bytes")


@scenario
def queue_arguments_overflow_other_value(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), "drop-head", "reject-publish", "x-overflow")


@scenario
def queue_arguments_overflow_added(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), None, "drop-head", "x-overflow")


@scenario
def queue_arguments_max_priority_other_value(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), 5, 6, "x-max-priority")


@scenario
def queue_arguments_max_priority_missing(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), Tagged("b", 5), None, "x-max-priority")


@scenario
def queue_arguments_dead_letter_exchange_other_value(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), "one", "two", "x-dead-letter-exchange")


@scenario
def queue_arguments_dead_letter_exchange_added(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), None, "two", "x-dead-letter-exchange")


@scenario
def queue_arguments_dead_letter_routing_key_other_value(play: Play) -> None:
    channel = play.channel()
    queue = play.name("q")
    channel.queue(
        queue, arguments={"x-dead-letter-exchange": "x", "x-dead-letter-routing-key": "one"}
    )
    channel.call(
        "Queue.Declare",
        queue=queue,
        arguments={"x-dead-letter-exchange": "x", "x-dead-letter-routing-key": "two"},
    )


@scenario
def queue_arguments_single_active_consumer_added(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), None, True, "x-single-active-consumer")


@scenario
def queue_arguments_single_active_consumer_false_is_not_absent(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), None, False, "x-single-active-consumer")


@scenario
def queue_arguments_single_active_consumer_other_value(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), True, False, "x-single-active-consumer")


@scenario
def queue_arguments_queue_mode_other_value(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), "lazy", "default", "x-queue-mode")


@scenario
def queue_arguments_queue_type_classic_is_default(play: Play) -> None:
    channel = play.channel()
    _equivalence(channel, play.name("q"), None, "classic", "x-queue-type")
    _equivalence(channel, play.name("r"), "classic", None, "x-queue-type")


@scenario
def queue_arguments_queue_type_inequivalent(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), durable=True)
    channel.call("Queue.Declare", queue=queue, durable=True, arguments={"x-queue-type": "quorum"})


@scenario
def queue_arguments_unknown_are_not_compared(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), "one", "two", "x-of-my-own")


@scenario
def queue_arguments_other_case_is_unknown(play: Play) -> None:
    _equivalence(play.channel(), play.name("q"), 1000, "x", "X-Message-TTL")


@scenario
def queue_arguments_first_difference_is_reported(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), arguments={"x-max-length": 1, "x-expires": 60000})
    channel.call(
        "Queue.Declare",
        queue=queue,
        arguments={"x-message-ttl": 7, "x-max-length": 2, "x-expires": 70000},
    )


def _invalid(
    play: Play, arguments: dict[str, object] | list[tuple[str, object]], **flags: bool
) -> None:
    """A new queue with these arguments: accepted or not, and how."""
    play.channel().call("Queue.Declare", queue=play.name("q"), arguments=arguments, **flags)


def _register_invalid_arguments() -> None:
    """One scenario per wrong value; the name says the argument and what is wrong with it."""
    cases: dict[str, dict[str, object]] = {
        "ttl_string": {"x-message-ttl": "1000"},
        "ttl_negative": {"x-message-ttl": -1},
        "ttl_zero_is_fine": {"x-message-ttl": 0},
        "ttl_too_large": {"x-message-ttl": 2**32},
        "ttl_largest": {"x-message-ttl": 2**32 - 1},
        "ttl_bool": {"x-message-ttl": True},
        "ttl_float": {"x-message-ttl": Tagged("d", 1000.0)},
        "ttl_void": {"x-message-ttl": None},
        "ttl_short": {"x-message-ttl": Tagged("s", 1000)},
        "ttl_octet": {"x-message-ttl": Tagged("B", 100)},
        "ttl_unsigned": {"x-message-ttl": Tagged("i", 100)},
        "ttl_timestamp": {"x-message-ttl": Tagged("T", 100)},
        "ttl_decimal": {"x-message-ttl": Tagged("D", (0, 100))},
        "expires_zero": {"x-expires": 0},
        "expires_negative": {"x-expires": -5},
        "expires_string": {"x-expires": "soon"},
        "expires_too_large": {"x-expires": 2**40},
        "max_length_negative": {"x-max-length": -1},
        "max_length_string": {"x-max-length": "10"},
        "max_length_zero_is_fine": {"x-max-length": 0},
        "max_length_bytes_negative": {"x-max-length-bytes": -1},
        "max_length_bytes_table": {"x-max-length-bytes": {"a": 1}},
        "max_priority_too_large": {"x-max-priority": 256},
        "max_priority_255_is_fine": {"x-max-priority": 255},
        "max_priority_negative": {"x-max-priority": -1},
        "max_priority_string": {"x-max-priority": "5"},
        "overflow_unknown": {"x-overflow": "explode"},
        "overflow_integer": {"x-overflow": 5},
        "overflow_reject_publish_dlx_is_fine": {"x-overflow": "reject-publish-dlx"},
        "queue_mode_unknown": {"x-queue-mode": "hasty"},
        "queue_mode_integer": {"x-queue-mode": 1},
        "queue_mode_lazy_is_fine": {"x-queue-mode": "lazy"},
        "queue_version_2_is_fine": {"x-queue-version": 2},
        "queue_version_3": {"x-queue-version": 3},
        "queue_version_string": {"x-queue-version": "2"},
        "queue_type_unknown": {"x-queue-type": "exotic"},
        "queue_type_integer": {"x-queue-type": 7},
        "queue_type_empty": {"x-queue-type": ""},
        "single_active_consumer_string": {"x-single-active-consumer": "true"},
        "single_active_consumer_integer": {"x-single-active-consumer": 1},
        "dead_letter_exchange_integer": {"x-dead-letter-exchange": 5},
        "dead_letter_exchange_unknown_is_fine": {"x-dead-letter-exchange": "nowhere"},
        "dead_letter_routing_key_alone": {"x-dead-letter-routing-key": "key"},
        "dead_letter_routing_key_integer": {
            "x-dead-letter-exchange": "x",
            "x-dead-letter-routing-key": 5,
        },
        "dead_letter_strategy_classic": {"x-dead-letter-strategy": "at-most-once"},
        "max_age_on_classic": {"x-max-age": "1D"},
        "delivery_limit_on_classic": {"x-delivery-limit": 5},
        "max_in_memory_length_on_classic": {"x-max-in-memory-length": 5},
        "initial_group_size_on_classic": {"x-quorum-initial-group-size": 3},
        "initial_cluster_size_on_classic": {"x-initial-cluster-size": 3},
        "leader_locator_on_classic": {"x-queue-leader-locator": "balanced"},
        "stream_segment_size_on_classic": {"x-stream-max-segment-size-bytes": 1000},
        "stream_offset_on_classic": {"x-stream-offset": "first"},
        "unknown_is_fine": {"x-whatever": "yes", "other": 5, "t": {"a": [1, None]}},
        "two_wrong_ones": {"x-max-length": -1, "x-message-ttl": -1, "x-expires": 0},
    }
    for label, arguments in cases.items():

        def body(play: Play, arguments: dict[str, object] = arguments) -> None:
            _invalid(play, arguments)

        body.__name__ = f"queue_argument_{label}"
        scenario(body)

    typed: dict[str, tuple[dict[str, object], dict[str, bool]]] = {
        "quorum_transient": ({"x-queue-type": "quorum"}, {}),
        "quorum_exclusive": ({"x-queue-type": "quorum"}, {"durable": True, "exclusive": True}),
        "quorum_auto_delete": ({"x-queue-type": "quorum"}, {"durable": True, "auto_delete": True}),
        "quorum_max_priority": (
            {"x-queue-type": "quorum", "x-max-priority": 5},
            {"durable": True},
        ),
        "quorum_lazy": (
            {"x-queue-type": "quorum", "x-queue-mode": "lazy"},
            {"durable": True},
        ),
        "quorum_overflow_reject_publish_dlx": (
            {"x-queue-type": "quorum", "x-overflow": "reject-publish-dlx"},
            {"durable": True},
        ),
        "stream_transient": ({"x-queue-type": "stream"}, {}),
        "stream_exclusive": ({"x-queue-type": "stream"}, {"durable": True, "exclusive": True}),
        "stream_auto_delete": ({"x-queue-type": "stream"}, {"durable": True, "auto_delete": True}),
        "stream_message_ttl": ({"x-queue-type": "stream", "x-message-ttl": 5}, {"durable": True}),
        "stream_max_age_nonsense": (
            {"x-queue-type": "stream", "x-max-age": "1 fortnight"},
            {"durable": True},
        ),
        "stream_max_age_integer": (
            {"x-queue-type": "stream", "x-max-age": 5},
            {"durable": True},
        ),
    }
    for label, (arguments, flags) in typed.items():

        def typed_body(
            play: Play,
            arguments: dict[str, object] = arguments,
            flags: dict[str, bool] = flags,
        ) -> None:
            _invalid(play, arguments, **flags)

        typed_body.__name__ = f"queue_argument_{label}"
        scenario(typed_body)


_register_invalid_arguments()


@scenario(stage="quirks")
def queue_argument_master_locator_unknown(play: Play) -> None:
    _invalid(play, {"x-queue-master-locator": "nowhere"})


@scenario
def queue_declare_server_named_quorum(play: Play) -> None:
    channel = play.channel()
    channel.call("Queue.Declare", queue="", durable=True, arguments={"x-queue-type": "quorum"})


@scenario
def queue_declare_duplicate_argument(play: Play) -> None:
    _invalid(play, [("x-max-length", 1), ("x-max-length", -1)])


# --- queue.delete


@scenario
def queue_delete(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "1", "2", "3")
    channel.call("Queue.Delete", queue=queue)
    channel.count(queue)


@scenario
def queue_delete_counts_ready_only(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "1", "2", "3")
    channel.get(queue, no_ack=False)
    channel.call("Queue.Delete", queue=queue)


@scenario
def queue_delete_unknown(play: Play) -> None:
    play.channel().call("Queue.Delete", queue=play.name("nope"))


@scenario
def queue_delete_unknown_if_unused_if_empty(play: Play) -> None:
    play.channel().call("Queue.Delete", queue=play.name("nope"), if_unused=True, if_empty=True)


@scenario
def queue_delete_nowait(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.send("Queue.Delete", queue=queue, nowait=True)
    channel.count(queue)


@scenario
def queue_delete_if_unused_in_use(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    play.channel().consume(queue)
    channel.call("Queue.Delete", queue=queue, if_unused=True)
    channel.reopen()
    channel.count(queue)


@scenario
def queue_delete_if_unused_free(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Queue.Delete", queue=queue, if_unused=True)


@scenario
def queue_delete_if_empty_not_empty(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "1")
    channel.call("Queue.Delete", queue=queue, if_empty=True)


@scenario
def queue_delete_if_empty_with_unacked(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "1")
    channel.get(queue, no_ack=False)
    channel.call("Queue.Delete", queue=queue, if_empty=True)


@scenario
def queue_delete_if_unused_and_if_empty_both_violated(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    other = play.channel()
    other.call("Basic.Qos", prefetch_count=1)
    other.consume(queue)
    channel.fill(queue, "1", "2")
    other.delivery()
    channel.call("Queue.Delete", queue=queue, if_unused=True, if_empty=True)


@scenario
def queue_delete_nowait_refused(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "1")
    channel.send("Queue.Delete", queue=queue, if_empty=True, nowait=True)
    channel.reply()


@scenario
def queue_delete_last_declared_by_empty_name(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Queue.Delete", queue="")
    channel.count(queue)


@scenario
def queue_delete_empty_name_without_declare(play: Play) -> None:
    play.channel().call("Queue.Delete", queue="")


@scenario
def queue_delete_then_empty_name(play: Play) -> None:
    channel = play.channel()
    channel.queue(play.name("q"))
    channel.call("Queue.Delete", queue="")
    channel.call("Queue.Purge", queue="")


@scenario
def queue_delete_then_ack_its_message(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "1", "2")
    first = channel.get(queue, no_ack=False)
    second = channel.get(queue, no_ack=False)
    channel.call("Queue.Delete", queue=queue)
    channel.send("Basic.Ack", delivery_tag=first.tag)
    channel.send("Basic.Nack", delivery_tag=second.tag, requeue=True)
    channel.nothing_more()


@scenario
def queue_delete_drops_bindings(play: Play) -> None:
    channel = play.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"))
    channel.bind(queue, exchange, "k")
    channel.call("Queue.Delete", queue=queue)
    channel.queue(queue)
    channel.publish("k", "lost", exchange, mandatory=True)
    channel.returns()


# --- auto-delete


@scenario
def queue_auto_delete_after_last_cancel(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), auto_delete=True)
    channel.consume(queue, "one")
    channel.consume(queue, "two")
    channel.call("Basic.Cancel", consumer_tag="one")
    channel.count(queue)
    channel.call("Basic.Cancel", consumer_tag="two")
    channel.count(queue)


@scenario
def queue_auto_delete_never_consumed_stays(play: Play) -> None:
    connection = play.connection()
    channel = connection.channel()
    queue = channel.queue(play.name("q"), auto_delete=True)
    channel.fill(queue, "1")
    channel.get(queue)
    connection.close()
    play.channel().count(queue)


@scenario
def queue_auto_delete_after_channel_close(play: Play) -> None:
    connection = play.connection()
    channel = connection.channel()
    queue = channel.queue(play.name("q"), auto_delete=True)
    channel.consume(queue)
    channel.call("Channel.Close")
    connection.channel(2).count(queue)


@scenario
def queue_auto_delete_after_connection_close(play: Play) -> None:
    connection = play.connection()
    channel = connection.channel()
    queue = channel.queue(play.name("q"), auto_delete=True)
    channel.consume(queue)
    connection.close()
    play.channel().count(queue)


# --- the last declared queue


@scenario
def last_declared_queue_missing(play: Play) -> None:
    connection = play.connection()
    for method, fields in (
        ("Basic.Consume", {}),
        ("Basic.Get", {}),
        ("Queue.Purge", {}),
        ("Queue.Bind", {"exchange": "amq.direct", "routing_key": "k"}),
        ("Queue.Bind", {"exchange": "amq.direct"}),
        ("Queue.Unbind", {"exchange": "amq.direct", "routing_key": "k"}),
    ):
        connection.channel().call(method, queue="", **fields)


@scenario
def last_declared_queue_is_used(play: Play) -> None:
    channel = play.channel()
    channel.queue(play.name("first"))
    queue = channel.queue(play.name("q"))
    channel.call("Queue.Bind", queue="", exchange="amq.direct", routing_key="")
    channel.publish(queue, "by its name", "amq.direct", mandatory=True)
    channel.call("Queue.Purge", queue="")
    channel.call("Queue.Unbind", queue="", exchange="amq.direct", routing_key="")
    channel.fill(queue, "1")
    channel.call("Basic.Get", queue="", no_ack=True)
    channel.call("Basic.Consume", queue="", consumer_tag="c")
    channel.count(queue)


@scenario
def last_declared_queue_empty_name_with_routing_key(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Queue.Bind", queue="", exchange="amq.direct", routing_key="other")
    channel.publish(queue, "not by its name", "amq.direct", mandatory=True)
    channel.returns()


@scenario
def last_declared_queue_named_bind_keeps_empty_key(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Queue.Bind", queue=queue, exchange="amq.direct", routing_key="")
    channel.publish("", "by the empty key", "amq.direct")
    channel.settled(queue)
    channel.drain(queue)
    channel.publish(queue, "not by its name", "amq.direct", mandatory=True)
    channel.returns()


@scenario
def last_declared_queue_set_by_passive_declare(play: Play) -> None:
    channel = play.channel()
    queue = play.channel().queue(play.name("q"))
    channel.call("Queue.Declare", queue=queue, passive=True)
    channel.call("Queue.Purge", queue="")


@scenario
def last_declared_queue_is_per_channel(play: Play) -> None:
    connection = play.connection()
    connection.channel().queue(play.name("q"))
    connection.channel().call("Queue.Purge", queue="")


@scenario
def last_declared_queue_of_refused_declare(play: Play) -> None:
    connection = play.connection()
    channel = connection.channel()
    channel.queue(play.name("q"))
    channel.call("Queue.Declare", queue=play.name("nope"), passive=True)
    channel.reopen()
    channel.call("Queue.Purge", queue="")


# --- texts that do not fit into a short string


@scenario
def long_names_in_texts(play: Play) -> None:
    """Reply texts longer than 255 octets are cut."""
    connection = play.connection()
    for name in ("q" * 255, "q" * 230, "q" * 231, "q" * 200, "ü" * 127):
        connection.channel().call("Queue.Declare", queue=name, passive=True)
    name = play.owns("long_names_in_texts." + "q" * 200)
    connection.channel().queue(name)
    connection.channel().call("Queue.Declare", queue=name, durable=True)
    connection.channel().call("Queue.Bind", queue=name, exchange="x" * 255, routing_key="k")
    connection.channel().call("Basic.Consume", queue="", consumer_tag="t" * 255)
    connection.channel().call("Exchange.Declare", exchange="x", type="t" * 255)


@scenario
def long_names_in_connection_texts(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.consume(queue, "t" * 255)
    channel.call("Basic.Consume", queue=queue, consumer_tag="t" * 255)
