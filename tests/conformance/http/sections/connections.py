"""Connections, channels and consumers: listed, looked at, closed."""

from __future__ import annotations

from tests.conformance.http.cases import Act, Section, Settled, Step, at, delete, get, head, put
from tests.conformance.http.stage import Stage

VHOST = "hw-connections"


def _open(stage: Stage) -> None:
    stage.connect("a", "hw-management", version="1.0", nested={"x": 1, "y": True})
    stage.connect("b", "hw-monitoring")
    stage.connect("c", "guest")
    first = stage.channel("a")
    first.queue("consumed")
    first.queue("prioritised")
    first.queue("single", arguments={"x-single-active-consumer": True})
    first.queue("no-ack")
    first.queue("mine", exclusive=True)
    first.prepare("Basic.Qos", prefetch_count=7)
    first.consume("consumed", "tag-1")
    first.consume("no-ack", "tag-2", no_ack=True)
    first.consume("mine", "tag-3", exclusive=True)
    second = stage.channel("a", 2)
    second.prepare("Basic.Qos", prefetch_count=20, global_=True)
    second.prepare("Basic.Qos", prefetch_count=3)
    second.consume("prioritised", "tag-4", arguments={"x-priority": 5, "x-other": "text"})
    second.consume("single", "tag-5")
    third = stage.channel("b", 5)
    third.consume("single", "tag-6")
    third.confirm_select()
    with third.play.unrecorded():
        for number in range(3):
            third.publish("consumed", f"message {number}")
        third.publish("nowhere", "lost")
        third.publish("nowhere", "returned", mandatory=True)
        third.confirms()
        third.returns(1)
        first.deliveries(2)
    fourth = stage.channel("c")
    fourth.prepare("Tx.Select")
    with fourth.play.unrecorded():
        fourth.publish("no-ack", "uncommitted")
    fourth.barrier()


def _ack_one(stage: Stage) -> None:
    channel = stage.channel("a")
    with channel.play.unrecorded():
        channel.send("Basic.Ack", delivery_tag=1)
    channel.barrier()
    stage.channel("c").prepare("Tx.Commit")


def _end(name: str, timeout_s: float = 3.0) -> Act:
    """Read the connection.close that somebody else asked for, and the answer that it is gone."""

    def run(stage: Stage) -> None:
        connection = stage.connections[name]
        with stage._play.unrecorded():
            connection.zero.reply("Connection.Close", timeout_s)
        connection.is_open = False
        stage.wait("/connections", lambda found: not _has(found, stage.name_of(name)))
        stage.wait("/channels", lambda found: not _has(found, f"{stage.name_of(name)} (1)"))

    return Act(run)


def _has(found: list[dict[str, object]], name: str) -> bool:
    return any(item["name"] == name for item in found)


def _again(name: str, user: str) -> Act:
    def run(stage: Stage) -> None:
        stage.connect(name, user)
        stage.channel(name)
        stage.wait("/connections", lambda found: _has(found, stage.name_of(name)))

    return Act(run)


def _looks() -> list[Step]:
    users = ("guest", "hw-management", "hw-monitoring", "hw-outsider", "hw-policymaker")
    lists = (
        *("/connections", "/channels", "/consumers", at("consumers", VHOST)),
        *(at("vhosts", VHOST, "connections"), at("vhosts", VHOST, "channels")),
    )
    one = [
        *(f"/connections/<{name}>" for name in "abc"),
        *(f"/connections/<{name}>/channels" for name in "abc"),
        *(
            "/channels/<a>%20(1)",
            "/channels/<a>%20(2)",
            "/channels/<b>%20(5)",
            "/channels/<c>%20(1)",
        ),
    ]
    return [
        Settled(
            (
                *(get(path, is_unordered=True) for path in lists),
                *(get(path, is_unordered=True) for path in one),
                *(
                    get(f"{at('queues', VHOST, name)}")
                    for name in ("consumed", "prioritised", "single", "no-ack", "mine")
                ),
                *(
                    get(at("connections", "username", name), is_unordered=True)
                    for name in ("hw-management", "hw-monitoring", "hw-outsider", "hw-missing")
                ),
            )
        ),
        *(get(path, user=user, keep="items") for user in users for path in (*lists, *one)),
        head("/connections/<a>"),
        head("/connections/missing"),
        get("/connections/missing"),
        get("/connections/missing/channels"),
        get("/channels/missing"),
        get("/channels/<a>%20(9)"),
        get("/channels/<a>"),
        delete("/connections/missing"),
        get(at("consumers", "hw-missing")),
        get("/connections?page=1&page_size=1", user="hw-management", keep="shape"),
        get("/connections?columns=user,vhost,channels,state", user="hw-management"),
        get("/channels?columns=number,user,prefetch_count&sort=number", user="hw-management"),
        get("/channels?page=1&page_size=1&columns=number&sort=number", user="hw-management"),
        get(
            "/consumers?columns=consumer_tag,prefetch_count",
            user="hw-management",
            is_unordered=True,
        ),
        get("/connections/<a>?columns=name,user"),
        get("/connections/<a>?data_rates_age=60&data_rates_incr=5&columns=recv_oct_details"),
        get("/connections/<a>?data_rates_age=-60&data_rates_incr=5"),
        get("/channels/<a>%20(1)?msg_rates_age=60&msg_rates_incr=5&columns=message_stats"),
        get("/channels/<a>%20(1)?msg_rates_age=60&msg_rates_incr=0"),
        get("/connections?data_rates_age=60&data_rates_incr=0"),
    ]


def sections() -> list[Section]:
    steps: list[Step] = [
        Act(_open),
        *_looks(),
        Act(_ack_one),
        Settled(
            (
                get("/channels/<a>%20(1)"),
                get("/channels/<b>%20(5)"),
                get("/channels/<c>%20(1)"),
                get(at("queues", VHOST, "consumed")),
                get(at("queues", VHOST, "no-ack")),
            )
        ),
        # closing
        delete("/connections/<a>", user="hw-monitoring"),
        delete("/connections/<b>", user="hw-management"),
        delete("/connections/<a>", headers=(("X-Reason", "no longer wanted"),)),
        _end("a"),
        get("/connections/<a>"),
        get("/connections/<a>/channels"),
        delete("/connections/<a>"),
        delete("/connections/<b>", user="hw-monitoring"),
        _end("b"),
        delete("/connections/<c>", headers=(("X-Reason", ""),)),
        _end("c"),
        _again("d", "hw-management"),
        _again("e", "hw-management"),
        _again("f", "hw-monitoring"),
        delete(at("connections", "username", "hw-management"), user="hw-monitoring"),
        delete(
            at("connections", "username", "hw-management"),
            headers=(("X-Reason", "all of them"),),
            user="hw-administrator",
        ),
        _end("d"),
        _end("e"),
        get(at("connections", "username", "hw-management")),
        delete(at("connections", "username", "hw-management")),
        delete(at("connections", "username", "hw-missing")),
        delete(at("connections", "username", "hw-monitoring"), user="hw-monitoring"),
        delete(at("connections", "username", "hw-monitoring")),
        _end("f"),
        get("/connections", user="hw-management"),
        get("/channels", user="hw-management"),
        get("/consumers", user="hw-management"),
        put(at("queues", VHOST, "left"), {}),
    ]
    return [Section("connections", steps)]
