"""Counters after a known load, once everything is quiet."""

from __future__ import annotations

from tests.conformance.http.cases import Act, Section, Settled, Step, at, get, head, post, put
from tests.conformance.http.stage import Stage

VHOST = "hw-statistics"


def load(stage: Stage) -> None:
    """Something of everything that is counted."""
    stage.connect("publisher")
    stage.connect("consumer", "hw-management")
    out, back = stage.channel("publisher"), stage.channel("consumer")
    out.exchange("topic", "topic")
    out.exchange("fanout", "fanout")
    for name, arguments in {
        "classic": {},
        "lazy": {"x-queue-mode": "lazy"},
        "priority": {"x-max-priority": 3},
        "short": {"x-max-length": 2},
        "quorum": {"x-queue-type": "quorum"},
        "expiring": {"x-message-ttl": 1},
        "dead": {},
        "dying": {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"},
        "idle": {},
    }.items():
        out.queue(name, durable=True, arguments=arguments)
    out.bind("classic", "topic", "a.#")
    out.bind("lazy", "topic", "a.b")
    out.prepare("Exchange.Bind", source="topic", destination="fanout", routing_key="#")
    out.bind("priority", "fanout")
    out.confirm_select()
    with out.play.unrecorded():
        for number in range(10):
            out.publish("a.b", f"body {number:02}", "topic", delivery_mode=2)
            out.publish("quorum", "x" * 100, delivery_mode=2)
            out.publish("short", "abcde")
        for _ in range(4):
            out.publish("dying", "to die")
            out.publish("nowhere", "dropped")
            out.publish("nowhere", "returned", mandatory=True)
        out.publish("expiring", "gone")
        out.confirms()
        out.returns(4)
        tags = [back.call("Basic.Get", queue="classic").tag for _ in range(4)]
        back.send("Basic.Ack", delivery_tag=tags[0])
        back.send("Basic.Nack", delivery_tag=tags[1], requeue=True)
        back.send("Basic.Reject", delivery_tag=tags[2], requeue=False)
        back.barrier()
        back.call("Basic.Get", queue="idle")
        back.call("Basic.Get", queue="lazy", no_ack=True)
        back.call("Basic.Get", "Basic.GetOk", queue="classic")
        for _ in range(2):
            death = back.call("Basic.Get", queue="dying").tag
            back.send("Basic.Reject", delivery_tag=death, requeue=False)
        back.barrier()
    back.prepare("Basic.Qos", prefetch_count=3)
    back.consume("quorum", "slow")
    back.consume("priority", "greedy", no_ack=True)
    with back.play.unrecorded():
        back.deliveries(13)
    back.barrier()


QUEUES = ("classic", "lazy", "priority", "short", "quorum", "expiring", "dead", "dying", "idle")


def sections() -> list[Section]:
    samples = "msg_rates_age=60&msg_rates_incr=5&lengths_age=60&lengths_incr=5"
    steps: list[Step] = [
        Act(load),
        Settled(
            (
                *(get(at("queues", VHOST, name)) for name in QUEUES),
                get(at("queues", VHOST)),
                *(get(at("exchanges", VHOST, name)) for name in ("topic", "fanout", "amq.default")),
                get(at("exchanges", VHOST)),
                get("/connections/<publisher>"),
                get("/channels/<publisher>%20(1)"),
                get("/channels/<consumer>%20(1)"),
                get(at("vhosts", VHOST)),
                get("/overview", user="hw-limited"),
                get("/vhosts", user="hw-limited"),
                get("/queues?columns=name,vhost,messages", user="hw-limited"),
                get(f"{at('queues', VHOST, 'classic')}?{samples}"),
                get(f"{at('exchanges', VHOST, 'topic')}?{samples}"),
                get(f"{at('vhosts', VHOST)}?{samples}"),
                get(f"{at('queues', VHOST)}?page=1&page_size=2&name=l&sort=messages"),
                get(f"{at('queues', VHOST)}?sort=messages&sort_reverse=true&columns=name,messages"),
                get(f"{at('queues', VHOST)}?sort=message_stats.publish&columns=name"),
                get(f"{at('queues', VHOST)}?disable_stats=true&enable_queue_totals=true"),
            )
        ),
        get(at("queues", VHOST, "classic") + f"?{samples}&columns=messages_details"),
        head(at("queues", VHOST, "classic")),
        put(at("queues", VHOST, "after"), {}),
        post(
            at("exchanges", VHOST, "topic", "publish"),
            {"properties": {}, "routing_key": "a.b", "payload": "x", "payload_encoding": "string"},
        ),
    ]
    return [Section("statistics", steps)]
