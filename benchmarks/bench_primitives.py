"""What CPython's primitives cost here, in ns: the prices a hot function is paid in.

`python -m benchmarks.bench_primitives` prints the table again; each figure is the least of several
runs, the cost of the empty loop taken off.
"""

from __future__ import annotations

import logging
import platform
import struct
import timeit
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from broker.amqp.methods import BasicPublish

REPEATS = 7
LOOPS = 100_000


class Slots:
    __slots__ = ("body", "exchange", "header", "routing_key")

    def __init__(self, exchange: str, routing_key: str, header: bytes, body: bytes) -> None:
        self.exchange = exchange
        self.routing_key = routing_key
        self.header = header
        self.body = body

    def nothing(self) -> None:
        pass


class Named(NamedTuple):
    exchange: str
    routing_key: str
    header: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Frozen:
    exchange: str
    routing_key: str
    header: bytes
    body: bytes


class Kind(IntEnum):
    METHOD = 1
    HEADER = 2


class First:
    pass


class Second:
    pass


class Third:
    pass


def nothing() -> None:
    pass


async def coroutine() -> None:
    pass


PUBLISH = struct.pack(">HHHB0sB14s", 60, 40, 0, 0, b"", 13, b"bench.primary\0")

NAMES: dict[str, Any] = {
    "flag": False,
    "slots": Slots("", "key", b"", b""),
    "nothing": nothing,
    "handlers": dict.fromkeys(range(60), nothing),
    "unpack": struct.Struct(">BHI").unpack_from,
    "data": bytes(1000),
    "view": memoryview(bytes(1000)),
    "kind": 2,
    "Kind": Kind,
    "third": Third(),
    "First": First,
    "Second": Second,
    "Third": Third,
    "log": logging.getLogger("benchmarks.primitives"),
    "Slots": Slots,
    "Named": Named,
    "Frozen": Frozen,
    "text": "key",
    "raw": b"header",
    "coroutine": coroutine,
    "decode": BasicPublish.decode,
    "publish": PUBLISH,
    "remembered": {PUBLISH: BasicPublish.decode(PUBLISH)},
    "chunks": [b"0123456789abcdef"] * 100,
}

LADDER = """
if isinstance(third, First): pass
elif isinstance(third, Second): pass
elif isinstance(third, Third): pass
"""
MATCH = """
match third:
    case First(): pass
    case Second(): pass
    case Third(): pass
"""
COROUTINE = """
try: coroutine().send(None)
except StopIteration: pass
"""

PRIMITIVES: list[tuple[str, str]] = [
    ("if flag", "if flag: pass"),
    ("slot read", "slots.body"),
    ("try that does not raise", "try: pass\nexcept ValueError: pass"),
    ("call a function", "nothing()"),
    ("call a method", "slots.nothing()"),
    ("dict lookup and call", "handlers[40]()"),
    ("bound Struct.unpack_from", "unpack(data, 7)"),
    ("bytes slice of 20", "data[100:120]"),
    ("memoryview slice of 20", "view[100:120]"),
    ("compare with an IntEnum member", "kind == Kind.HEADER"),
    ("isinstance ladder, third arm", LADDER),
    ("match on class, third arm", MATCH),
    ("disabled log.debug", "log.debug('a sentence, key=%s', text)"),
    ("build a tuple of 4", "(text, text, raw, raw)"),
    ("build a slots object", "Slots(text, text, raw, raw)"),
    ("build a NamedTuple", "Named(text, text, raw, raw)"),
    ("build a frozen dataclass", "Frozen(text, text, raw, raw)"),
    ("create and run a coroutine", COROUTINE),
    ("decode one basic.publish", "decode(publish)"),
    ("the same, remembered by bytes", "remembered.get(publish)"),
    ("join 100 chunks of 16", "b''.join(chunks)"),
]


def cost_ns(statement: str) -> float:
    """Of one execution, with locals as in a function."""
    setup = "\n".join(f"{name} = names['{name}']" for name in NAMES)
    times = timeit.repeat(statement, setup, repeat=REPEATS, number=LOOPS, globals={"names": NAMES})
    return min(times) / LOOPS * 1e9


def main() -> None:
    empty_ns = cost_ns("pass")
    print(f"CPython {platform.python_version()}, {platform.machine()}; ns")
    for name, statement in PRIMITIVES:
        print(f"{cost_ns(statement) - empty_ns:8.0f}  {name}")


if __name__ == "__main__":
    main()
