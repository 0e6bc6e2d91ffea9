"""Where hashing exchanges put 2 000 messages: recorded from RabbitMQ, one digit for each.

    python -m tests.conformance.placements --port 5690

A digit is the number of the queue, in base 36; `test_placements.py` compares.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from tests.conformance.wire_client import Play, Target

RECORDED = Path(__file__).parent / "placements.json"
COUNT = 2000
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
CONSISTENT, MODULUS = "x-consistent-hash", "x-modulus-hash"


class Case(NamedTuple):
    """keys: of the bindings, a queue each. hashed: "key", a property, or "header". unbound: the
    queue that is unbound before anything is published."""

    kind: str
    keys: list[str]
    hashed: str = "key"
    unbound: int | None = None


CASES = {
    "two": Case(CONSISTENT, ["1", "1"]),
    "ten": Case(CONSISTENT, ["1"] * 10),
    "thirty-six": Case(CONSISTENT, ["1"] * 36),
    "weights": Case(CONSISTENT, ["5", "20", "1", "300", "77"]),
    "one-gone": Case(CONSISTENT, ["2", "2", "2", "2", "2"], unbound=1),
    "last-gone": Case(CONSISTENT, ["2", "2", "2", "2", "2"], unbound=4),
    "header": Case(CONSISTENT, ["1"] * 6, "header"),
    "message-id": Case(CONSISTENT, ["1"] * 6, "message_id"),
    "correlation-id": Case(CONSISTENT, ["1"] * 6, "correlation_id"),
    "timestamp": Case(CONSISTENT, ["1"] * 6, "timestamp"),
    "modulus": Case(MODULUS, ["", "z", "a", "Z", "10", "9", "aa"]),
    "modulus-one-gone": Case(MODULUS, ["", "z", "a", "Z", "10", "9", "aa"], unbound=2),
}


def text(number: int) -> str:
    """The key of a message: of every length up to 80, now and then beyond ASCII."""
    digest = hashlib.sha256(b"%d" % number).hexdigest() * 2
    word = digest[: number % 81]
    return f"é{word}€" if number % 7 == 0 else word


def place(target: Target, name: str) -> str:
    """Publish the 2 000 messages of a case. Returns: a digit for each."""
    case = CASES[name]
    play = Play(target, f"placements-{name}")
    try:
        return _place(play, case)
    finally:
        play.finish()


def _place(play: Play, case: Case) -> str:
    channel = play.channel()
    arguments: dict[str, Any] = {}
    if case.hashed == "header":
        arguments["hash-header"] = "hashed"
    elif case.hashed != "key":
        arguments["hash-property"] = case.hashed
    exchange = channel.exchange(play.name("x"), case.kind, arguments=arguments)
    for number, key in enumerate(case.keys):
        queue = channel.queue(play.name(f"q{number:02}"))
        channel.bind(queue, exchange, key)
        channel.consume(queue, DIGITS[number], no_ack=True)
        if number == case.unbound:
            gone = {"queue": queue, "exchange": exchange, "routing_key": key}
    if case.unbound is not None:
        channel.prepare("Queue.Unbind", **gone)
    for number in range(COUNT):
        hashed, properties = text(number), {}
        if case.hashed == "header":
            properties = {"headers": {"hashed": hashed}}
        elif case.hashed == "timestamp":
            properties = {"timestamp": number * 1_000_003}
        elif case.hashed != "key":
            properties = {case.hashed: hashed}
        key = hashed if case.hashed == "key" else ""
        channel.publish(key, f"{number}", exchange, **properties)
    found = [""] * COUNT
    for _ in range(COUNT):
        delivery = channel.delivery()
        found[int(delivery.body)] += delivery["consumer_tag"]
    assert all(len(tags) == 1 for tags in found)
    return "".join(found)


def recorded() -> dict[str, str]:
    return json.loads(RECORDED.read_text("utf-8"))  # type: ignore[no-any-return]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.placements")
    parser.add_argument("--port", type=int, default=5690)
    target = Target(parser.parse_args().port)
    placements = {name: place(target, name) for name in CASES}
    target.close()
    RECORDED.write_text(json.dumps(placements, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
