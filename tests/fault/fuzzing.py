"""Valid conversations, and ways to spoil them. Everything follows from one `random.Random`.

A conversation is a list of frames as octets: what a client sends once its connection is open. It
is drawn at random from all methods, over a small pool of names, so that the frames have to do with
each other. A `Mutator` then spoils some of them: in the framing (types, channels, sizes, end
octets, cuts, splices) or, more often, inside a payload whose frame stays whole, which is how
octets get past the framing and into the decoders, the handlers and the queues.
"""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable
from typing import Any

from tests.conformance import wire_codec as wire

QUEUES = ["q0", "q1", "q2", "wild card", "ü", ""]
EXCHANGES = ["", "amq.direct", "amq.topic", "amq.fanout", "amq.headers", "x0", "x1", "x2"]
KEYS = ["q0", "q1", "q2", "a.b.c", "#", "a.*", "*.b.#", "", "amq.rabbitmq.reply-to", "k" * 255]
TAGS = ["", "c0", "c1", "c2"]
TYPES = ["direct", "fanout", "topic", "headers"]
CHANNELS = (1, 2, 3)
FROM_BROKER = {"Connection.Start", "Connection.Secure", "Connection.Tune", "Basic.Return"}
FROM_BROKER |= {"Connection.Blocked", "Connection.Unblocked", "Basic.Deliver", "Basic.GetEmpty"}
SHAPES = list(wire.METHODS.values())
# Without connection.close: a peer may say that at any time, and it ends everything.
FROM_CLIENT = [
    shape
    for shape in SHAPES
    if not shape.name.endswith("Ok") and shape.name not in FROM_BROKER | {"Connection.Close"}
]
INTERESTING = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xCE, 0xFE, 0xFF)
LENGTHS = (0, 1, 7, 8, 255, 256, 4095, 4096, 131064, 131072, 2**31 - 1, 2**31, 2**32 - 1)


def seed_of_run() -> str:
    """What LEVERET_SEED says, or a new one. `seed:number` replays one case of a run."""
    return os.environ.get("LEVERET_SEED") or str(random.SystemRandom().randrange(2**32))


def queue_arguments(rng: random.Random) -> dict[str, Any]:
    """Of a queue with some of the features that a queue can have; mostly with none."""
    choices: dict[str, Callable[[], Any]] = {
        "x-message-ttl": lambda: rng.choice([0, 1, 500]),
        "x-expires": lambda: rng.choice([1, 500]),
        "x-max-length": lambda: rng.randrange(4),
        "x-max-length-bytes": lambda: rng.choice([0, 6, 20]),
        "x-overflow": lambda: rng.choice(["drop-head", "reject-publish", "reject-publish-dlx"]),
        "x-dead-letter-exchange": lambda: rng.choice(["", "amq.fanout", "amq.topic", "none such"]),
        "x-dead-letter-routing-key": lambda: rng.choice(QUEUES[:3]),
        "x-max-priority": lambda: rng.choice([1, 3, 255]),
        "x-single-active-consumer": lambda: True,
    }
    if rng.random() < 0.5:
        return {}
    arguments = {name: make() for name, make in choices.items() if rng.random() < 0.3}
    if "x-dead-letter-exchange" not in arguments:  # RabbitMQ wants them together
        arguments.pop("x-dead-letter-routing-key", None)
    return arguments


def random_table(rng: random.Random, depth: int = 0) -> dict[str, Any]:
    names = [
        "x-match",
        "x-max-priority",
        "x-message-ttl",
        "x-expires",
        "x-max-length",
        "x-queue-type",
    ]
    names += [
        "x-dead-letter-exchange",
        "x-overflow",
        "CC",
        "BCC",
        "alternate-exchange",
        "x-priority",
    ]
    names += ["a", "b", "x-single-active-consumer", "ü", ""]
    return {rng.choice(names): random_value(rng, depth) for _ in range(rng.randrange(4))}


def random_value(rng: random.Random, depth: int) -> Any:
    kind = rng.choice("bBsuIilfdTtVDSxFAanN")
    match kind:
        case "S":
            return rng.choice(["all", "any", "classic", "quorum", "", "amq.direct", "10", "\0"])
        case "x":
            return rng.randbytes(rng.randrange(6))
        case "F":
            return random_table(rng, depth + 1) if depth < 4 else None
        case "A" | "a":
            items = rng.randrange(3) if depth < 4 else 0
            return [random_value(rng, depth + 1) for _ in range(items)]
        case "D":
            return wire.Tagged("D", (rng.randrange(256), rng.randrange(2**32)))
        case "V":
            return None
        case "t":
            return rng.random() < 0.5
        case "f" | "d":
            return wire.Tagged(kind, rng.choice([0.0, -1.5, float("inf")]))
        case "n":
            return rng.choice([0, 1, 2, 255, 1000])
        case "N":
            return rng.choice([-1, 2**31, -(2**63)])
    low, high = {"b": (-128, 127), "B": (0, 255), "s": (-(2**15), 2**15 - 1)}.get(kind, (0, 2**15))
    return wire.Tagged(kind, rng.randint(low, high))


def random_properties(rng: random.Random) -> dict[str, Any]:
    choices: dict[str, Callable[[], Any]] = {
        "content_type": lambda: "text/plain",
        "headers": lambda: random_table(rng),
        "delivery_mode": lambda: rng.choice([1, 2, 2, 2, 3]),
        "priority": lambda: rng.randrange(256),
        "correlation_id": lambda: "c" * rng.randrange(256),
        "reply_to": lambda: rng.choice(["q0", "amq.rabbitmq.reply-to"]),
        "expiration": lambda: rng.choice(["0", "1000", "-1", "x", "9" * 200]),
        "timestamp": lambda: 2**63,
        "user_id": lambda: rng.choice(["guest", "nobody"]),
        "app_id": lambda: "app",
    }
    return {name: make() for name, make in choices.items() if rng.random() < 0.15}


def _publish(rng: random.Random, channel: int) -> list[bytes]:
    """Half of them go to a queue, alike, as a run of messages; the other half anywhere."""
    if rng.random() < 0.5:
        message = wire.method_frame(channel, "Basic.Publish", routing_key=rng.choice(QUEUES[:3]))
        message += wire.content_frames(channel, b"alike", {"delivery_mode": 2}, 4096)
        return split_frames(message * rng.randrange(1, 4))
    body = bytes(rng.choice([0, 1, 5, 5, 5, 100, 5000, 9000]))
    frames = wire.method_frame(
        channel,
        "Basic.Publish",
        exchange=rng.choice(EXCHANGES),
        routing_key=rng.choice(KEYS),
        mandatory=rng.random() < 0.2,
    )
    content = wire.content_frames(channel, body, random_properties(rng), 4096)
    return [frames, *split_frames(content)]


def split_frames(data: bytes) -> list[bytes]:
    """Octets that are whole frames, one by one."""
    frames = []
    at = 0
    while at < len(data):
        end = at + 8 + struct.unpack_from(">I", data, at + 3)[0]
        frames.append(data[at:end])
        at = end
    return frames


def random_command(rng: random.Random, channel: int) -> list[bytes]:
    """One method, or a whole publish."""

    def flip(chance: float = 0.3) -> bool:
        return rng.random() < chance

    def say(name: str, **fields: Any) -> list[bytes]:
        return [wire.method_frame(channel, name, **fields)]

    def bind(name: str) -> list[bytes]:
        return say(
            name,
            queue=rng.choice(QUEUES),
            exchange=rng.choice(EXCHANGES),
            routing_key=rng.choice(KEYS),
            arguments=random_table(rng),
        )

    def bind_exchange(name: str) -> list[bytes]:
        return say(
            name,
            destination=rng.choice(EXCHANGES),
            source=rng.choice(EXCHANGES),
            routing_key=rng.choice(KEYS),
            arguments=random_table(rng),
        )

    def declare_queue() -> list[bytes]:
        return say(
            "Queue.Declare",
            queue=rng.choice(QUEUES),
            passive=flip(0.1),
            durable=flip(0.05),
            exclusive=flip(0.1),
            auto_delete=flip(0.05),
            nowait=flip(0.1),
            arguments=random_table(rng) if flip(0.1) else {},
        )

    def declare_exchange() -> list[bytes]:
        return say(
            "Exchange.Declare",
            exchange=rng.choice(["x0", "x1", "x2"]),
            type=rng.choice(TYPES),
            passive=flip(0.1),
            durable=flip(0.1),
            auto_delete=flip(0.1),
            internal=flip(0.1),
            arguments=random_table(rng) if flip(0.1) else {},
        )

    def consume() -> list[bytes]:
        return say(
            "Basic.Consume",
            queue=rng.choice(QUEUES[:3] + QUEUES),
            consumer_tag=rng.choice(TAGS),
            no_ack=flip(),
            exclusive=flip(0.1),
            nowait=flip(0.1),
            arguments=random_table(rng) if flip(0.1) else {},
        )

    def settling() -> dict[str, Any]:
        """All, mostly: that is always allowed."""
        if flip(0.8):
            return {"delivery_tag": 0, "multiple": True}
        return {"delivery_tag": rng.choice([1, 1, 2, 3, 4, 2**63]), "multiple": flip()}

    choices: list[tuple[float, Callable[[], list[bytes]]]] = [
        (10, lambda: _publish(rng, channel)),
        (6, declare_queue),
        (2, declare_exchange),
        (2, lambda: bind("Queue.Bind")),
        (1, lambda: bind("Queue.Unbind")),
        (1, lambda: say("Tx.Commit") if flip(0.2) else say("Confirm.Select")),
        (1, lambda: bind_exchange("Exchange.Bind")),
        (1, lambda: bind_exchange("Exchange.Unbind")),
        (1, lambda: say("Exchange.Delete", exchange=rng.choice(EXCHANGES), if_unused=flip())),
        (1, lambda: say("Queue.Delete", queue=rng.choice(QUEUES), if_empty=flip())),
        (1, lambda: say("Queue.Purge", queue=rng.choice(QUEUES))),
        (4, consume),
        (1, lambda: say("Basic.Cancel", consumer_tag=rng.choice(TAGS))),
        (5, lambda: say("Basic.Get", queue=rng.choice(QUEUES[:3] + QUEUES), no_ack=flip())),
        (4, lambda: say("Basic.Ack", **settling())),
        (2, lambda: say("Basic.Nack", **settling(), requeue=flip())),
        (0.3, lambda: say("Basic.Reject", delivery_tag=rng.randrange(1, 4), requeue=flip())),
        (1, lambda: say("Basic.Recover", requeue=not flip(0.1))),
        (1, lambda: say("Basic.Qos", prefetch_count=rng.randrange(4), global_=flip())),
        (1, lambda: say("Confirm.Select")),
        (1, lambda: say("Tx.Select") + _publish(rng, channel) + say("Tx.Commit")),
        (1, lambda: say("Tx.Select") + say("Basic.Ack", multiple=True) + say("Tx.Rollback")),
        (1, lambda: say("Channel.Close", reply_code=200) + say("Channel.Open")),
        (1, lambda: say("Channel.Flow", active=True)),
        (1, lambda: [wire.frame(8, 0, b"")]),
        (
            1,
            lambda: say(
                "Basic.Consume", queue="amq.rabbitmq.reply-to", no_ack=True, consumer_tag="r"
            ),
        ),
    ]
    weights = [weight for weight, _ in choices]
    return rng.choices([make for _, make in choices], weights)[0]()


def conversation(rng: random.Random, commands: int) -> list[bytes]:
    """Frames that open three channels, declare the names of the pool and use them."""
    frames = [wire.method_frame(channel, "Channel.Open") for channel in CHANNELS]
    frames += [
        wire.method_frame(1, "Queue.Declare", queue=queue, arguments=queue_arguments(rng))
        for queue in QUEUES[:-1]
    ]
    frames += [
        wire.method_frame(1, "Exchange.Declare", exchange=exchange, type=kind)
        for exchange, kind in zip(EXCHANGES[-3:], TYPES[1:], strict=True)
    ]
    for _ in range(commands):
        frames += random_command(rng, rng.choice(CHANNELS))
    return frames


def handshake(rng: random.Random) -> list[bytes]:
    """What a client says until its connection is open."""
    return [
        wire.PROTOCOL_HEADER,
        wire.method_frame(
            0,
            "Connection.StartOk",
            client_properties={"product": "fuzz", "capabilities": {"consumer_cancel_notify": True}},
            mechanism=rng.choice(["PLAIN", "PLAIN", "PLAIN", "AMQPLAIN"]),
            response="\0guest\0guest",
            locale="en_US",
        ),
        wire.method_frame(
            0, "Connection.TuneOk", channel_max=2047, frame_max=rng.choice([4096, 131072])
        ),
        wire.method_frame(0, "Connection.Open", virtual_host="/"),
    ]


class Mutator:
    """Spoils frames. `spoil` returns octets that may be no, one or several frames."""

    def __init__(self, rng: random.Random, corpus: list[bytes]):
        self._rng = rng
        self._corpus = corpus
        self._in_payload = [
            self._flip_bits,
            self._set_octets,
            self._set_number,
            self._cut_payload,
            self._grow_payload,
            self._splice_payload,
        ]
        self._in_framing = [
            self._flip_anywhere,
            self._change_size,
            self._change_type,
            self._change_channel,
            self._change_end,
            self._cut_frame,
            self._repeat,
            self._garbage,
            self._swap_type_and_payload,
        ]

    def spoil(self, frame: bytes) -> bytes:
        rng = self._rng
        if rng.random() < 0.4:
            return self._any_method(rng.choice(CHANNELS))
        if len(frame) < 8 or rng.random() < 0.2:
            return rng.choice(self._in_framing)(frame)
        payload = frame[7:-1]
        for _ in range(rng.choice([1, 1, 1, 2, 4])):
            payload = rng.choice(self._in_payload)(payload)
        kind, channel = struct.unpack_from(">BH", frame)
        return wire.frame(kind, channel, payload)

    def _any_method(self, channel: int) -> bytes:
        """Well formed, but any method of either side with any values."""
        rng = self._rng
        shape = rng.choice(FROM_CLIENT if rng.random() < 0.9 else SHAPES)
        if shape.class_id == 10:
            channel = rng.choice((0, channel))
        values = {name: self._any_value(domain) for name, domain in shape.fields}
        return wire.method_frame(channel, shape.name, **values)

    def _any_value(self, domain: str) -> Any:
        rng = self._rng
        match domain:
            case "bit":
                return rng.random() < 0.3
            case "table":
                return random_table(rng) if rng.random() < 0.3 else {}
            case "shortstr" | "longstr":
                return rng.choice([*QUEUES, *EXCHANGES, *KEYS, *TAGS, *TYPES, b"\xff", "z" * 255])
        width = {"octet": 8, "short": 16, "long": 32, "longlong": 64}[domain]
        return rng.choice([0, 0, 1, 1, 2, 3, *LENGTHS]) % (1 << width)

    # inside a payload

    def _flip_bits(self, payload: bytes) -> bytes:
        if not payload:
            return payload
        octets = bytearray(payload)
        for _ in range(self._rng.choice([1, 1, 2, 8])):
            octets[self._rng.randrange(len(octets))] ^= 1 << self._rng.randrange(8)
        return bytes(octets)

    def _set_octets(self, payload: bytes) -> bytes:
        if not payload:
            return payload
        octets = bytearray(payload)
        for _ in range(self._rng.choice([1, 1, 2, 8])):
            octets[self._rng.randrange(len(octets))] = self._rng.choice(INTERESTING)
        return bytes(octets)

    def _set_number(self, payload: bytes) -> bytes:
        """Overwrite what may be a length, an id or a tag."""
        rng = self._rng
        shape = rng.choice([">H", ">I", ">Q"])
        size = struct.calcsize(shape)
        if len(payload) < size:
            return payload
        at = rng.randrange(len(payload) - size + 1)
        number = rng.choice(LENGTHS) % (1 << 8 * size)
        return payload[:at] + struct.pack(shape, number) + payload[at + size :]

    def _cut_payload(self, payload: bytes) -> bytes:
        rng = self._rng
        start = rng.randrange(len(payload) + 1)
        if rng.random() < 0.5:
            return payload[:start]
        return payload[:start] + payload[start + rng.randrange(1, 9) :]

    def _grow_payload(self, payload: bytes) -> bytes:
        rng = self._rng
        at = rng.randrange(len(payload) + 1)
        return payload[:at] + rng.randbytes(rng.choice([1, 2, 4, 8, 300])) + payload[at:]

    def _splice_payload(self, payload: bytes) -> bytes:
        rng = self._rng
        other = rng.choice(self._corpus)[7:-1]
        if not other:
            return payload
        start = rng.randrange(len(other))
        at = rng.randrange(len(payload) + 1)
        return payload[:at] + other[start : start + rng.randrange(1, 64)] + payload[at:]

    # of a frame

    def _flip_anywhere(self, frame: bytes) -> bytes:
        return self._flip_bits(frame)

    def _change_size(self, frame: bytes) -> bytes:
        size = self._rng.choice([*LENGTHS, max(0, len(frame) - 9), len(frame) - 7])
        return frame[:3] + struct.pack(">I", size) + frame[7:]

    def _change_type(self, frame: bytes) -> bytes:
        return bytes([self._rng.choice([0, 1, 2, 3, 4, 8, 9, 65, 255])]) + frame[1:]

    def _change_channel(self, frame: bytes) -> bytes:
        channel = self._rng.choice([0, 1, 2, 3, 4, 2047, 2048, 65535])
        return frame[:1] + struct.pack(">H", channel) + frame[3:]

    def _change_end(self, frame: bytes) -> bytes:
        return frame[:-1] + bytes([self._rng.randrange(256)])

    def _cut_frame(self, frame: bytes) -> bytes:
        return frame[: self._rng.randrange(len(frame))]

    def _repeat(self, frame: bytes) -> bytes:
        return frame * self._rng.randrange(2, 5)

    def _garbage(self, frame: bytes) -> bytes:
        return self._rng.randbytes(self._rng.choice([1, 7, 8, 9, 100]))

    def _swap_type_and_payload(self, frame: bytes) -> bytes:
        return frame[:7] + self._rng.choice(self._corpus)[7:]


def spoiled(rng: random.Random, frames: list[bytes], share: float) -> list[tuple[bytes, bool]]:
    """The conversation with about `share` of it spoiled, some of it swapped or left out.

    Returns: octets, and whether they were touched.
    """
    mutator = Mutator(rng, frames)
    result: list[tuple[bytes, bool]] = []
    for frame in frames:
        chance = rng.random()
        if chance >= share:
            result.append((frame, False))
        elif chance < share * 0.1 and result:
            result.insert(rng.randrange(len(result)), (frame, True))  # out of order
        elif chance < share * 0.15:
            pass  # left out
        else:
            result.append((mutator.spoil(frame), True))
    return result
