"""Queues: every argument, declared again, with bad input, purged, deleted, acted upon."""

from __future__ import annotations

from tests.conformance.http.cases import (
    Act,
    Section,
    Settled,
    Step,
    at,
    delete,
    get,
    head,
    post,
    put,
)
from tests.conformance.http.sections.exchanges import BROKEN, WRONG
from tests.conformance.http.stage import Stage

VHOST = "hw-queues"
GOOD: dict[str, list[object]] = {
    "x-message-ttl": [0, 60000],
    "x-expires": [600000],
    "x-max-length": [0, 10],
    "x-max-length-bytes": [0, 1000],
    "x-overflow": ["drop-head", "reject-publish", "reject-publish-dlx"],
    "x-dead-letter-exchange": ["", "dlx"],
    "x-max-priority": [1, 10, 255],
    "x-queue-mode": ["default", "lazy"],
    "x-queue-version": [1, 2],
    "x-queue-type": ["classic", "quorum"],
    "x-queue-master-locator": ["min-masters", "client-local", "random"],
    "x-single-active-consumer": [True, False],
    "x-unknown": [1, "text", True, None, [1, 2], {"a": 1}, 1.5, 2**40, -1],
}
BAD: dict[str, list[object]] = {
    "x-message-ttl": [-1, "1", 1.5, True, None, [], {}, 2**40],
    "x-expires": [0, -1, "1", None, 2**40],
    "x-max-length": [-1, "1", 1.5, None],
    "x-max-length-bytes": [-1, "1", None],
    "x-overflow": ["nonsense", 1, None, ""],
    "x-dead-letter-exchange": [1, None, [], True],
    "x-dead-letter-routing-key": ["alone", 1],
    "x-max-priority": [-1, 256, "1", None, 0],
    "x-queue-mode": ["nonsense", 1, None],
    "x-queue-version": [0, 3, "1", None],
    "x-queue-type": ["nonsense", 1, None, ""],
    "x-queue-master-locator": ["nonsense", 1],
    "x-single-active-consumer": ["true", 1, None],
}
QUORUM: dict[str, object] = {
    "x-max-in-memory-length": 5,
    "x-max-in-memory-bytes": 500,
    "x-delivery-limit": 3,
    "x-quorum-initial-group-size": 1,
    "x-dead-letter-strategy": "at-most-once",
    "x-queue-leader-locator": "client-local",
    "x-max-length": 9,
    "x-message-ttl": 1000,
    "x-expires": 600000,
    "x-max-priority": 3,
    "x-queue-mode": "lazy",
}
COLUMNS = "arguments,auto_delete,durable,exclusive,name,type,vhost"


def _path(*names: str) -> str:
    return at("queues", VHOST, *names)


def _exclusive(stage: Stage) -> None:
    stage.connect("owner")
    channel = stage.channel("owner")
    channel.queue("exclusive", exclusive=True)
    stage.channel("owner", 2).fill("full", "one", "two")
    channel.prepare("Basic.Consume", queue="consumed", consumer_tag="c")


def _declared() -> list[Step]:
    steps: list[Step] = []
    for argument, values in GOOD.items():
        for number, value in enumerate(values):
            body = {"durable": True, "arguments": {argument: value}}
            path = _path(f"{argument}-{number}")
            steps += [put(path, body), put(path, body), put(path, {"durable": True})]
            steps += [get(f"{path}?columns={COLUMNS}"), delete(path)]
    for argument, bad in BAD.items():
        steps += [put(_path("bad"), {"arguments": {argument: value}}) for value in bad]
        steps.append(delete(_path("bad")))
    for argument, value in QUORUM.items():
        arguments = {"x-queue-type": "quorum", argument: value}
        steps += [put(_path("quorum"), {"durable": True, "arguments": arguments})]
        steps += [get(f"{_path('quorum')}?columns={COLUMNS}"), delete(_path("quorum"))]
    steps += [
        put(_path("quorum"), {"durable": False, "arguments": {"x-queue-type": "quorum"}}),
        put(
            _path("quorum"),
            {"durable": True, "auto_delete": True, "arguments": {"x-queue-type": "quorum"}},
        ),
        put(_path("quorum"), {"arguments": {"x-queue-type": "quorum"}}),
        put(_path("quorum"), {"durable": True, "arguments": {"x-queue-type": "quorum"}}),
        put(_path("quorum"), {"durable": True}),
        put(_path("quorum"), {"durable": True, "arguments": {"x-queue-type": "classic"}}),
        delete(f"{_path('quorum')}?if-unused=true"),
        delete(f"{_path('quorum')}?if-empty=true"),
        delete(_path("quorum", "contents")),
        delete(_path("quorum")),
    ]
    return steps


def _bodies() -> list[Step]:
    steps: list[Step] = [put(_path("broken"), text) for text in BROKEN]
    for field in ("durable", "auto_delete", "arguments", "exclusive", "node"):
        for number, value in enumerate(WRONG):
            path = _path(f"wrong-{field}-{number}")
            steps += [put(path, {field: value}), delete(path)]
    steps += [
        put(_path("empty-body")),
        put(_path("null-body"), "null"),
        get(_path("null-body") + f"?columns={COLUMNS}"),
        delete(_path("empty-body")),
        delete(_path("null-body")),
        put(_path("strings"), {"durable": "false", "auto_delete": "true"}),
        get(_path("strings") + f"?columns={COLUMNS}"),
        put(_path("strings"), {"durable": False, "auto_delete": True}),
        put(_path("strings"), {"durable": True, "auto_delete": True}),
        put(_path("strings"), {"durable": False, "auto_delete": False}),
        put(_path("other-names"), {"name": "x", "queue": "y", "vhost": "/", "nonsense": 1}),
        get(_path("other-names") + f"?columns={COLUMNS}"),
        put(_path("passive"), {"passive": True}),
        put(_path("strings"), {"passive": True}),
        put(_path("nowait"), {"nowait": True}),
        put(_path("here"), {"node": "<node>"}),
        put(_path("elsewhere"), {"node": "missing@localhost"}),
        put(_path("elsewhere"), {"node": "nonsense"}),
        put(_path("q" * 255), {}),
        put(_path("q" * 256), {}),
        put(_path("amq.mine"), {}),
        put(_path(""), {}),
        put(at("queues", "hw-missing", "q"), {}),
        get(at("queues", "hw-missing")),
        get(at("queues", "hw-missing", "q")),
        get(_path("missing")),
        head(_path("missing")),
        delete(_path("missing")),
        delete(at("queues", "hw-missing", "q")),
        delete(_path("missing", "contents")),
        get(_path("missing", "bindings")),
        get(at("queues", "hw-missing", "q", "bindings")),
    ]
    return steps


def _used() -> list[Step]:
    return [
        put(_path("full"), {}),
        put(_path("consumed"), {}),
        put(_path("empty"), {}),
        put(_path("auto"), {"auto_delete": True}),
        Act(_exclusive),
        put(_path("exclusive"), {}),
        put(_path("exclusive"), {"exclusive": True}),
        delete(_path("exclusive", "contents")),
        delete(_path("exclusive")),
        post(
            _path("exclusive", "get"),
            {"ackmode": "ack_requeue_true", "count": 1, "encoding": "auto"},
        ),
        head(_path("full")),
        Settled(
            (
                get(_path()),
                *(get(_path(name)) for name in ("full", "consumed", "empty", "auto", "exclusive")),
                get(f"{_path('full')}?disable_stats=true"),
                get(f"{_path()}?disable_stats=true"),
                get(f"{_path()}?disable_stats=true&enable_queue_totals=true"),
                get(f"{_path()}?enable_queue_totals=true"),
                get(f"{_path()}?columns=name,messages,message_stats.publish,nothing"),
                get(f"{_path('full')}?lengths_age=60&lengths_incr=5"),
                get(f"{_path('full')}?msg_rates_age=60&msg_rates_incr=5&columns=message_stats"),
                get(f"{_path('full')}?lengths_age=x&lengths_incr=5"),
                get(f"{_path('full')}?lengths_age=-60&lengths_incr=5"),
                get(f"{_path('full')}?lengths_age=60&lengths_incr=0"),
                get(f"{_path('full')}?lengths_age=60000&lengths_incr=1"),
                get(f"{_path('full')}?data_rates_age=60&data_rates_incr=-1"),
            )
        ),
        delete(f"{_path('full')}?if-empty=true"),
        delete(f"{_path('consumed')}?if-unused=true"),
        delete(f"{_path('consumed')}?if-unused=true&if-empty=true"),
        delete(f"{_path('empty')}?if-unused=true&if-empty=true"),
        delete(_path("full", "contents")),
        delete(_path("full", "contents")),
        delete(f"{_path('full')}?if-empty=true"),
        delete(f"{_path('consumed')}?if-empty=true"),
        # actions
        put(_path("acted"), {}),
        *(
            post(_path("acted", "actions"), body)
            for body in (
                *({"action": "sync"}, {"action": "cancel_sync"}, {"action": "nonsense"}),
                *({"action": 1}, {"action": None}, {}, "", "{", "[]", {"action": ""}),
            )
        ),
        post(_path("missing", "actions"), {"action": "sync"}),
        post(_path("acted", "actions"), {"action": "sync"}, user="hw-management"),
        # with few permissions
        put(_path("own-1"), {}, user="hw-limited"),
        put(_path("foreign"), {}, user="hw-limited"),
        put(
            _path("own-2"), {"arguments": {"x-dead-letter-exchange": "foreign"}}, user="hw-limited"
        ),
        put(_path("own-3"), {"arguments": {"x-dead-letter-exchange": "own-x"}}, user="hw-limited"),
        delete(_path("acted"), user="hw-limited"),
        delete(_path("acted", "contents"), user="hw-limited"),
        delete(_path("own-1", "contents"), user="hw-limited"),
        delete(_path("own-1"), user="hw-limited"),
        delete(_path("acted"), user="hw-administrator"),
        put(_path("by-admin"), {}, user="hw-administrator"),
        get(f"{_path('acted')}?columns=name", user="hw-administrator"),
        delete(_path("acted", "contents"), user="hw-administrator"),
        delete(_path("acted")),
    ]


def sections() -> list[Section]:
    return [
        Section("queue-arguments", _rehomed(_declared(), "hw-queue-arguments")),
        Section("queue-bodies", _rehomed(_bodies(), "hw-queue-bodies")),
        Section("queues", _used()),
    ]


def _rehomed(steps: list[Step], vhost: str) -> list[Step]:
    """The same in another vhost."""
    from dataclasses import replace

    from tests.conformance.http.cases import Case

    return [
        replace(step, path=step.path.replace(f"/{VHOST}/", f"/{vhost}/"))
        if isinstance(step, Case)
        else step
        for step in steps
    ]
