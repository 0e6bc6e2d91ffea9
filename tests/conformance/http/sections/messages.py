"""Publishing and getting messages."""

from __future__ import annotations

from base64 import b64encode

from tests.conformance.http.cases import Case, Section, Step, at, delete, post, put
from tests.conformance.http.sections.exchanges import BROKEN, WRONG

VHOST = "hw-messages"
PROPERTIES: dict[str, list[object]] = {
    "content_type": ["text/plain", "", "x" * 255, "x" * 256, 1, None],
    "content_encoding": ["gzip", 1],
    "headers": [
        *({}, {"a": 1}, {"a": "text"}, {"a": True}, {"a": None}, {"a": 1.5}, {"a": [1, "b"]}),
        *({"a": {"b": {"c": 1}}}, {"ä": "ö"}, {"a": 2**40}, {"a": 2**70}, {"a": -5}, 1, "x", []),
        *([["a", 1]], {"CC": ["other"]}, {"BCC": ["other"]}, {"CC": "other"}, {"x" * 300: 1}),
    ],
    "delivery_mode": [1, 2, 0, 3, "2", None, 300, -1],
    "priority": [0, 9, 255, 256, -1, "1", None],
    "correlation_id": ["c", 1],
    "reply_to": ["r", 1, "amq.rabbitmq.reply-to"],
    "expiration": ["60000", 60000, "x", "", "-1"],
    "message_id": ["m", 1],
    "timestamp": [1700000000, 0, "1700000000", -1, 1.5, 2**40],
    "type": ["t", 1],
    "user_id": ["guest", "other", 1],
    "app_id": ["a", 1],
    "cluster_id": ["c", 1],
    "nonsense": ["x"],
}
ACKMODES = ("ack_requeue_true", "ack_requeue_false", "reject_requeue_true", "reject_requeue_false")


def _publish(key: str = "queue", exchange: str = "amq.default", **more: object) -> Case:
    body = {"properties": {}, "routing_key": key, "payload": "hello", "payload_encoding": "string"}
    user = str(more.pop("user", "guest"))
    return post(at("exchanges", VHOST, exchange, "publish"), {**body, **more}, user=user)


def _get(queue: str = "queue", **more: object) -> Case:
    body = {"ackmode": "ack_requeue_false", "count": 1, "encoding": "auto"}
    user = str(more.pop("user", "guest"))
    return post(at("queues", VHOST, queue, "get"), {**body, **more}, user=user)


def _without(case: Case, field: str) -> Case:
    body = {key: value for key, value in case.body.items() if key != field}
    return post(case.path, body)


def _publishing() -> list[Step]:
    steps: list[Step] = [
        put(at("queues", VHOST, "queue"), {}),
        put(at("queues", VHOST, "other"), {}),
        put(
            at("queues", VHOST, "short"),
            {"arguments": {"x-max-length": 1, "x-overflow": "reject-publish"}},
        ),
        put(at("exchanges", VHOST, "locked"), {"type": "topic", "internal": True}),
        put(
            at("exchanges", VHOST, "alternate"),
            {"type": "topic", "arguments": {"alternate-exchange": ""}},
        ),
        _publish(),
        _get(),
        _publish("nowhere"),
        _publish("queue", "amq.direct"),
        _publish("queue", ""),
        _publish("queue", "missing"),
        _publish("queue", "locked"),
        _publish("queue", "alternate"),
        _publish("short"),
        _publish("short"),
        _publish("k" * 255, "amq.topic"),
        _publish("k" * 256, "amq.topic"),
        post(at("exchanges", "hw-missing", "amq.topic", "publish"), _publish().body),
        delete(at("queues", VHOST, "queue", "contents")),
    ]
    for name, values in PROPERTIES.items():
        for value in values:
            steps += [_publish(properties={name: value}), _get(), _get("other")]
    full = {
        "content_type": "a/b",
        "content_encoding": "c",
        "headers": {"h": 1},
        "delivery_mode": 2,
        "priority": 3,
        "correlation_id": "d",
        "reply_to": "e",
        "expiration": "100000",
        "message_id": "f",
        "timestamp": 1700000000,
        "type": "g",
        "user_id": "guest",
        "app_id": "h",
        "cluster_id": "i",
    }
    steps += [_publish(properties=full), _get()]
    steps += [_publish(properties=value) for value in WRONG]
    steps += [_publish(payload=value) for value in WRONG]
    steps += [_publish(routing_key=value) for value in WRONG]
    steps += [_publish(payload_encoding=value) for value in WRONG]
    steps += [
        *(_without(_publish(), field) for field in _publish().body),
        *(post(at("exchanges", VHOST, "amq.default", "publish"), text) for text in BROKEN),
        delete(at("queues", VHOST, "queue", "contents")),
        _publish(payload="", payload_encoding="base64"),
        _publish(payload="aGVsbG8=", payload_encoding="base64"),
        _publish(payload="aGVsbG8", payload_encoding="base64"),
        _publish(payload="!!!!", payload_encoding="base64"),
        _publish(payload="aGVs\nbG8=", payload_encoding="base64"),
        _publish(payload=b64encode(b"\xff\x00\xfe").decode(), payload_encoding="base64"),
        _publish(payload=b64encode("größe".encode()).decode(), payload_encoding="base64"),
        _publish(payload="größe €\U0001f600\x00"),
        *(
            post(
                _publish().path,
                '{"properties": {}, "routing_key": "queue", "payload_encoding": "string", '
                f'"payload": "{payload}"}}',
            )
            for payload in (r"\ud83d\ude00", r"\ud83d", r"\u0000", r"\x", "\t", r"\/")
        ),
        _publish(vhost="hw-missing", name="missing", exchange_name="x"),
        _publish(mandatory=False),
        _get(count=20),
        _publish("own-q", user="hw-limited"),
        _publish("k", "own-x", user="hw-limited"),
        put(at("exchanges", VHOST, "own-x"), {"type": "topic"}),
        _publish("k", "own-x", user="hw-limited"),
        _publish("k", "amq.topic", user="hw-limited"),
        _publish(user="hw-administrator"),
        _publish(user="hw-outsider"),
        _publish(properties={"user_id": "guest"}, user="hw-management"),
        _publish(properties={"user_id": "hw-management"}, user="hw-management"),
    ]
    return steps


def _getting() -> list[Step]:
    def filled(queue: str) -> list[Step]:
        return [_publish(queue, payload=f"message {number}") for number in range(3)]

    steps: list[Step] = [
        put(at("queues", VHOST, "queue"), {}),
        put(
            at("queues", VHOST, "quorum"),
            {"durable": True, "arguments": {"x-queue-type": "quorum"}},
        ),
        put(at("queues", VHOST, "dead"), {}),
        put(
            at("queues", VHOST, "dying"),
            {"arguments": {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}},
        ),
    ]
    for queue in ("queue", "quorum"):
        steps += filled(queue)
        for ackmode in ACKMODES:
            for count in (1, 2, 10):
                steps += [_get(queue, ackmode=ackmode, count=count), *filled(queue)]
            steps.append(delete(at("queues", VHOST, queue, "contents")))
            steps += filled(queue)
        steps += [_get(queue, count=100)]
    steps += [
        *filled("queue"),
        *(_get(count=value) for value in ("1", "x", "", 1.5, None, True, [], {}, 0, "0")),
        *filled("queue"),
        _get(count=-1),
        *filled("queue"),
        *(_get(ackmode=value) for value in (*WRONG, "nonsense", "ack", "get")),
        *(_get(encoding=value) for value in (*WRONG, "nonsense", "string")),
        *filled("queue"),
        *(
            _get(ackmode="ack_requeue_true", truncate=value)
            for value in (*WRONG, 0, 3, 9, 10, 100, -1, "3")
        ),
        _get(ackmode="ack_requeue_true", encoding="base64"),
        _get(ackmode="ack_requeue_true", encoding="base64", truncate=2),
        *(_without(_get(ackmode="ack_requeue_true"), field) for field in _get().body),
        *(post(at("queues", VHOST, "queue", "get"), text) for text in BROKEN),
        post(at("queues", VHOST, "queue", "get")),
        post(at("queues", VHOST, "missing", "get"), _get().body),
        post(at("queues", "hw-missing", "queue", "get"), _get().body),
        _get(ackmode="ack_requeue_true", requeue=False),
        _get(ackmode="ack_requeue_true", columns="payload"),
        post(
            f"{at('queues', VHOST, 'queue', 'get')}?columns=payload", _get(ackmode=ACKMODES[0]).body
        ),
        *filled("dying"),
        _get("dying", ackmode="reject_requeue_false", count=2),
        Case("POST", at("queues", VHOST, "dead", "get"), _get().body, keep="shape"),
        delete(at("queues", VHOST, "queue", "contents")),
        _publish(payload=b64encode(b"\xff\x00\xfe").decode(), payload_encoding="base64"),
        _publish(payload="grö€\U0001f600"),
        _publish(payload=b64encode(b"ab\xc3").decode(), payload_encoding="base64"),
        *(
            _get(ackmode="ack_requeue_true", truncate=value, count=1)
            for value in (1, 3, 4, 5, 6, 8, 9, 10, 11, 12)
        ),
        _get(),
        *(_get(ackmode="ack_requeue_true", truncate=value) for value in range(1, 12)),
        _get(encoding="base64"),
        _get(),
        _get(),
        _get("queue", user="hw-limited"),
        put(at("queues", VHOST, "own-q"), {}),
        _publish("own-q"),
        _get("own-q", user="hw-limited"),
        _get("own-q", user="hw-administrator"),
        _get("own-q", user="hw-outsider"),
    ]
    return steps


def sections() -> list[Section]:
    getting = [
        Case(
            step.method,
            step.path.replace(VHOST, "hw-getting"),
            step.body,
            step.user,
            keep=step.keep,
        )
        for step in _getting()
        if isinstance(step, Case)
    ]
    return [
        Section("messages", _publishing()),
        Section("getting", [*getting]),
    ]
