"""kill -9 under load on queues that bury, bound, order and repeat messages, governed meanwhile.

A message belongs to a group of queues: it enters by one of them and may die into the others. After
each restart everything is read at once and held: what was confirmed, and for which no ack was ever
sent, is in exactly one of them; what was refused is nowhere; what was read and acked for good never
comes back. Policies, limits and permissions whose setting was answered for are there, and do what
they say. LEVERET_SEED and LEVERET_ROUNDS as in `test_kill`.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.conformance import wire_codec as wire
from tests.fault.governed import GovernedBroker
from tests.fault.link import FRAME_MAX, Event, Link, LostError

SEED = int(os.environ.get("LEVERET_SEED", "1"))
SMALL = ("store.segment_size=262144", "store.queue_memory=65536")
WAIT_S = 30.0
QUIET_S = 0.15
LOAD_S = 0.1, 0.9
DLX = "kf.dlx"
HASH = "kf.hash"
GOVERNED = "kf.governed"


@dataclass(frozen=True)
class Group:
    """queues: with their arguments; where its messages may be. entry: exchange and routing key of
    those who publish; "": a key of their own each. may_double: dead letters at least once."""

    name: str
    queues: dict[str, dict[str, Any]]
    entry: tuple[str, str]
    sources: tuple[str, ...]
    may_double: bool = False


def group(
    name: str, source: dict[str, Any], dead: dict[str, Any] | None = None, **how: Any
) -> Group:
    """One queue that dead-letters into one other."""
    one, other = f"kf.{name}", f"kf.{name}.dead"
    source = {"x-dead-letter-exchange": DLX, "x-dead-letter-routing-key": other, **source}
    return Group(name, {one: source, other: dead or {}}, ("", one), (one,), **how)


QUORUM = {"x-queue-type": "quorum"}
GROUPS = (
    group("rejected", {}),
    group("ttl", {"x-message-ttl": 40}),
    group("limit", {"x-max-length": 60}),
    group("octets", {"x-max-length-bytes": 9000, "x-message-ttl": 300}),
    group("refusing", {"x-max-length": 80, "x-overflow": "reject-publish"}),
    group("priority", {"x-max-priority": 4, "x-max-length": 200}),
    group("lazy", {"x-queue-mode": "lazy", "x-message-ttl": 200}),
    group("governed", {}),
    group("quorum", {**QUORUM, "x-delivery-limit": 2}),
    group("unlimited", {**QUORUM, "x-message-ttl": 500}),
    group(
        "safe",
        {
            **QUORUM,
            "x-delivery-limit": 1,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
            "x-max-length": 150,
        },
        {"x-max-length": 40, "x-overflow": "reject-publish"},
        may_double=True,
    ),
    Group(
        "chain",
        {
            "kf.c1": {
                "x-max-length": 20,
                "x-dead-letter-exchange": DLX,
                "x-dead-letter-routing-key": "kf.c2",
            },
            "kf.c2": {
                "x-message-ttl": 25,
                "x-dead-letter-exchange": DLX,
                "x-dead-letter-routing-key": "kf.c3",
            },
            "kf.c3": {},
        },
        ("", "kf.c1"),
        ("kf.c1",),
    ),
    Group(
        "hash",
        {
            "kf.h1": {
                "x-max-length": 30,
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": "kf.h3",
            },
            "kf.h2": {
                "x-message-ttl": 30,
                "x-dead-letter-exchange": DLX,
                "x-dead-letter-routing-key": "kf.h3",
            },
            "kf.h3": {},
        },
        (HASH, ""),
        ("kf.h1", "kf.h2"),
    ),
)
PLACES = {queue: group for group in GROUPS for queue in group.queues}


@dataclass
class Book:
    """What the clients said and heard, by the numbers of messages."""

    group_of: dict[int, Group] = field(default_factory=dict)
    confirmed: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    given_up: set[int] = field(default_factory=set)  # an ack was sent, or what drops it
    gone: set[int] = field(default_factory=set)  # that was safe
    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)

    def error(self, kind: str, text: str) -> None:
        self.counts[f"WRONG: {kind}"] += 1
        if self.counts[f"WRONG: {kind}"] <= 5:
            self.errors.append(f"{kind}: {text}")

    def new(self, group: Group) -> int:
        number = len(self.group_of) + 1
        self.group_of[number] = group
        self.counts["published"] += 1
        return number


class Client:
    """One connection with channel 1."""

    def __init__(self, book: Book, random: Random):
        self.book, self.random = book, random
        self.link: Link | None = None

    async def run(self, port: int) -> None:
        """Until the broker is gone; what it had said before is heard to its end."""
        try:
            self.link = await Link.open(port)
            await self.work()
        except LostError:
            pass
        try:
            while self.link is not None:
                self.on_event(await self.link.event())
        except LostError:
            pass

    async def work(self) -> None:
        raise NotImplementedError

    def on_event(self, event: Event) -> None:
        if event.name == "Connection.Close" and event.fields["reply_code"] != 320:
            self.book.error("closed", str(event.fields))
        elif event.name == "Channel.Close":
            self.book.error("channel closed", str(event.fields))

    def say(self, name: str, **fields: Any) -> None:
        assert self.link is not None
        self.link.say(1, name, **fields)

    async def reply(self, *names: str) -> Event:
        assert self.link is not None
        while True:
            event = await self.link.event()
            if event.name in names:
                return event
            self.on_event(event)

    async def call(self, name: str, **fields: Any) -> Event:
        self.say(name, **fields)
        return await self.reply(f"{name}Ok")

    async def hear(self) -> None:
        """What comes, and all there is behind it."""
        assert self.link is not None
        event: Event | None = await self.link.event()
        while event is not None:
            self.on_event(event)
            event = self.link.next_event()


class Publisher(Client):
    """Publishes with confirms to one group."""

    def __init__(self, book: Book, random: Random, group: Group, window: int):
        super().__init__(book, random)
        self.group, self.window = group, window
        self.outstanding: dict[int, int] = {}  # publish seqno → number
        self.seqno = 0

    async def work(self) -> None:
        await self.call("Confirm.Select")
        while True:
            self.publish(self.random.randint(1, self.window))
            while len(self.outstanding) > self.window:
                await self.hear()
            await asyncio.sleep(self.random.choice((0, 0, 0.005)))

    async def publish_all(self, count: int) -> None:
        """So many, all of them confirmed or refused."""
        self.publish(count)
        while self.outstanding:
            await self.hear()

    def publish(self, count: int) -> None:
        exchange, key = self.group.entry
        frames = b""
        size = self.random.choice((5, 40, 400, 4000))
        properties = {"delivery_mode": 2}
        if self.group.name == "priority":
            properties["priority"] = self.random.randint(0, 5)
        numbers = [self.book.new(self.group) for _ in range(count)]
        for number in numbers:
            frames += wire.method_frame(
                1, "Basic.Publish", exchange=exchange, routing_key=key or str(number)
            )
            body = b"%d " % number
            frames += wire.content_frames(1, body + b"." * size, properties, FRAME_MAX)
        assert self.link is not None
        for number in numbers:
            self.seqno += 1
            self.outstanding[self.seqno] = number
        self.link.send(frames)

    def on_event(self, event: Event) -> None:
        if event.name not in ("Basic.Ack", "Basic.Nack"):
            super().on_event(event)
            return
        tag = event.fields["delivery_tag"]
        due = [seqno for seqno in self.outstanding if seqno <= tag]
        if not event.fields["multiple"]:
            due = [tag]
        verdict = self.book.confirmed if event.name == "Basic.Ack" else self.book.refused
        self.book.counts["confirmed" if event.name == "Basic.Ack" else "refused"] += len(due)
        for seqno in due:
            verdict.add(self.outstanding.pop(seqno))


class Consumer(Client):
    """Settles what it gets in every way there is."""

    def __init__(self, book: Book, random: Random, queue: str, prefetch: int):
        super().__init__(book, random)
        self.queue, self.prefetch = queue, prefetch
        self.held: dict[int, int] = {}  # delivery tag → number

    async def work(self) -> None:
        await self.call("Basic.Qos", prefetch_count=self.prefetch)
        await self.call("Basic.Consume", queue=self.queue, consumer_tag="c")
        while True:
            await self.hear()
            if self.random.random() < 0.3:
                await asyncio.sleep(self.random.random() * 0.05)
            while self.held and self.random.random() < 0.9:
                self.settle()

    def settle(self) -> None:
        tag = self.random.choice(list(self.held))
        multiple = self.random.random() < 0.3
        tags = [held for held in self.held if held <= tag] if multiple else [tag]
        numbers = [self.held.pop(held) for held in tags]
        match self.random.choice(("ack", "reject", "reject", "requeue")):
            case "ack":
                self.book.given_up.update(numbers)
                self.book.counts["acked"] += len(numbers)
                self.say("Basic.Ack", delivery_tag=tag, multiple=multiple)
            case "reject":
                if self.queue not in PLACES[self.queue].sources:  # nothing keeps it
                    self.book.given_up.update(numbers)
                self.book.counts["rejected"] += len(numbers)
                self.say("Basic.Nack", delivery_tag=tag, multiple=multiple, requeue=False)
            case "requeue":
                self.book.counts["requeued"] += len(numbers)
                self.say("Basic.Nack", delivery_tag=tag, multiple=multiple, requeue=True)

    def on_event(self, event: Event) -> None:
        if event.name != "Basic.Deliver":
            super().on_event(event)
            return
        number = _number(event)
        self.book.counts["delivered"] += 1
        if number in self.book.gone:
            self.book.error("came back", f"{number} in {self.queue}")
        self.held[event.fields["delivery_tag"]] = number


def _number(event: Event) -> int:
    return int(event.body.split(b" ", 1)[0])


class Auditor(Client):
    """Alone with the broker after a restart; looks at everything."""

    def __init__(self, book: Book, random: Random):
        super().__init__(book, random)
        self.seen: dict[int, list[str]] = {}
        self.last_tag = 0

    async def prepare(self) -> None:
        """Declares everything; what is there already has to be as it was declared."""
        await self.call("Exchange.Declare", exchange=DLX, type="direct", durable=True)
        await self.call("Exchange.Declare", exchange=HASH, type="x-consistent-hash", durable=True)
        for queue, place in PLACES.items():
            await self.call(
                "Queue.Declare", queue=queue, durable=True, arguments=place.queues[queue]
            )
            await self.call("Queue.Bind", queue=queue, exchange=DLX, routing_key=queue)
        for queue in ("kf.h1", "kf.h2"):
            await self.call("Queue.Bind", queue=queue, exchange=HASH, routing_key="1")

    async def audit(self) -> None:
        """Hold all there is, judge, and then either drain it or give it back."""
        await self.prepare()
        await self.call("Tx.Select")
        for queue in PLACES:
            await self.call("Basic.Consume", queue=queue, consumer_tag=queue)
        owed = self.book.confirmed - self.book.given_up - self.book.gone
        deadline = time.monotonic() + WAIT_S
        before = -1
        while time.monotonic() < deadline and (
            not self.seen.keys() >= owed or before != self.last_tag
        ):
            before = self.last_tag
            if not self.seen.keys() >= owed and before == self.last_tag and self.last_tag:
                deadline = min(deadline, time.monotonic() + 4)
            await asyncio.sleep(QUIET_S)
            assert self.link is not None
            while (event := self.link.next_event()) is not None:
                deadline = time.monotonic() + WAIT_S
                self.on_event(event)
        self.judge(owed)
        if self.random.random() < 0.6 and self.last_tag:
            self.say("Basic.Ack", delivery_tag=self.last_tag, multiple=True)
            await self.call("Tx.Commit")
            self.book.gone.update(self.seen)
            self.book.gone.update(self.book.group_of)
            self.book.counts["drained"] += 1
        await self.call("Channel.Close", reply_code=200)

    def judge(self, owed: set[int]) -> None:
        book = self.book
        book.counts["owed"] += len(owed)
        book.counts["found"] += sum(map(len, self.seen.values()))
        for number in owed - self.seen.keys():
            book.error("lost", f"{number} of {book.group_of[number].name}")
            book.gone.add(number)
        for number, queues in self.seen.items():
            place = book.group_of[number]
            if len(queues) > 1:
                if place.may_double:
                    book.counts["doubled where that may be"] += 1
                else:
                    book.error("doubled", f"{number} in {queues}")
            # a policy's reject-publish-dlx refuses what it buries
            if number in book.refused and queues != [f"{GOVERNED}.dead"]:
                book.error("refused, and there", f"{number} in {queues}")
            if number in book.gone:
                book.error("came back", f"{number} in {queues}")
            if not place.queues.keys() >= set(queues):
                book.error("strayed", f"{number} of {place.name} in {queues}")

    def on_event(self, event: Event) -> None:
        if event.name != "Basic.Deliver":
            super().on_event(event)
            return
        queue = event.fields["consumer_tag"]
        self.seen.setdefault(_number(event), []).append(queue)
        self.last_tag = event.fields["delivery_tag"]
        is_dead = b"x-death" in event.properties
        if is_dead and queue in PLACES[queue].sources:
            self.book.error("dead at the entry", f"{_number(event)} in {queue}")
        if not is_dead and queue not in PLACES[queue].sources:
            self.book.error("not marked as dead", f"{_number(event)} in {queue}")

    async def count(self, queue: str) -> int:
        event = await self.call("Queue.Declare", queue=queue, passive=True)
        count = event.fields["message_count"]
        assert isinstance(count, int)
        return count


class Governor:
    """Sets and clears in a thread; knows what may be the case after a kill."""

    def __init__(self, broker: GovernedBroker, book: Book, random: Random):
        self.broker, self.book, self.random = broker, book, random
        self.sure: dict[str, object] = {}  # fact → what was answered for; None: it is not there
        self.open: dict[str, object] = {}  # what was under way

    def govern(self) -> None:
        """Until the broker is gone."""
        try:
            while True:
                key, value, do, fields = self.next_change()
                self.open = {key: value}
                if self.broker.order(do, **fields) is not True:
                    self.book.error("a change was refused", f"{do} {fields}")
                self.sure[key] = value
                self.open = {}
                self.book.counts["governed"] += 1
                time.sleep(self.random.random() * 0.01)
        except (BrokenPipeError, ValueError):
            return

    def next_change(self) -> tuple[str, object, str, dict[str, Any]]:
        kind = self.random.choice(
            ("policy", "operator_policy", "policy", "limits", "topic", "user")
        )
        if kind in ("policy", "operator_policy"):
            return self.next_policy(kind)
        if kind == "limits":
            value = {"max-queues": self.random.randint(100, 999)}
            if self.random.random() < 0.3:
                fields = {"vhost": "/", "component": "vhost-limits", "name": "limits"}
                return "vhost-limits limits", None, "ClearParameter", fields
            fields = {"vhost": "/", "component": "vhost-limits", "name": "limits"}
            return (
                "vhost-limits limits",
                value,
                "SetParameter",
                {
                    **fields,
                    "value": json.dumps(value),
                },
            )
        if kind == "user":
            value = {"max-connections": self.random.randint(100, 999)}
            fields = {"username": "guest", "limits": json.dumps(value)}
            return "limits guest", value, "SetUserLimits", fields
        fields = {"username": "guest", "vhost": "/", "exchange": "amq.topic"}
        if self.random.random() < 0.3:
            return "topic amq.topic", None, "ClearTopicPermissions", fields
        write = f"^{self.random.randint(1, 999)}"
        return (
            "topic amq.topic",
            [write, ".*"],
            "SetTopicPermissions",
            {
                **fields,
                "write": write,
                "read": ".*",
            },
        )

    def next_policy(self, kind: str) -> tuple[str, object, str, dict[str, Any]]:
        name = self.random.choice(("kf-1", "kf-2"))
        key = f"{kind} {name}"
        if self.random.random() < 0.3:
            return key, None, "ClearPolicy", {"vhost": "/", "name": name, "kind": kind}
        choices: list[dict[str, object]] = [
            {"message-ttl": self.random.choice((0, 15, 400))},
            {"max-length": self.random.choice((0, 7, 70))},
            {"max-length-bytes": self.random.choice((0, 500, 9000))},
            {"max-length": 30, "message-ttl": 60, "expires": 600_000},
        ]
        if kind == "policy":
            choices.append({"queue-mode": "lazy"})
            choices.append({"max-length": 25, "overflow": "reject-publish"})
            choices.append({"max-length-bytes": 3000, "overflow": "reject-publish-dlx"})
        definition = self.random.choice(choices)
        fields = {
            "vhost": "/",
            "name": name,
            "pattern": self.random.choice((rf"^{GOVERNED}$", r"^kf\.(governed|hash)$")),
            "definition": json.dumps(definition),
            "priority": self.random.randint(0, 3),
            "apply_to": self.random.choice(("queues", "all")),
            "kind": kind,
        }
        return key, definition, "SetPolicy", fields

    def check(self) -> None:
        """What is said to be the case after a restart."""
        facts = self.broker.order("tell")
        assert isinstance(facts, dict)
        for key, value in self.sure.items():
            found = facts.get(key)
            if found != value and not (key in self.open and found == self.open[key]):
                self.book.error("not as it was set", f"{key}: {found}, not {value}")
            self.book.counts["facts checked"] += 1
        self.sure |= {key: facts.get(key) for key in {*self.sure, *self.open}}
        self.open = {}


class Torment:
    """A run of so many rounds on one data directory."""

    def __init__(self, broker: GovernedBroker, seed: int):
        self.broker = broker
        self.random = Random(seed)
        self.book = Book()
        self.governor = Governor(broker, self.book, self.random)

    async def run(self, rounds: int) -> None:
        for number in range(rounds + 1):
            self.broker.start()
            self.governor.check()
            async with asyncio.timeout(3 * WAIT_S):
                await self.alone(Auditor.audit)
                await self.alone(self.check_policies)
            assert not self.book.errors, f"round {number}: {self.book.errors} {self.report()}"
            if number < rounds:
                await self.load()
                self.book.counts["rounds"] += 1
        self.broker.stop(signal.SIGTERM)
        self.read_log()

    def report(self) -> str:
        return ", ".join(f"{name} {count}" for name, count in sorted(self.book.counts.items()))

    async def alone(self, task: Callable[[Auditor], Any]) -> None:
        auditor = Auditor(self.book, self.random)
        auditor.link = await Link.open(self.broker.port)
        try:
            await task(auditor)
            await auditor.link.close()
        finally:
            auditor.link.drop()

    async def check_policies(self, auditor: Auditor) -> None:
        """The limits that policies have set from before the restart count."""
        self.broker.order("ClearPolicy", vhost="/", name="kf-2")
        for name in ("kf-1", "kf-2"):
            self.broker.order("ClearPolicy", vhost="/", name=name, kind="operator_policy")
        self.governor.sure |= dict.fromkeys(
            ("policy kf-2", "operator_policy kf-1", "operator_policy kf-2")
        )
        definition = self.governor.sure.get("policy kf-1")
        if not isinstance(definition, dict):
            return
        place = PLACES[GOVERNED]
        publisher = Publisher(self.book, self.random, place, 100)
        publisher.link = auditor.link
        before = await auditor.count(GOVERNED)
        await auditor.call("Confirm.Select")
        await publisher.publish_all(100)
        count = await auditor.count(GOVERNED)
        limit = definition.get("max-length")
        if isinstance(limit, int) and "overflow" in definition:
            limit = max(limit, before)  # nobody new is let in, and nobody is put out
        if isinstance(limit, int) and count > limit:
            self.book.error("a policy does nothing", f"{definition}: {count} messages")
        if "message-ttl" in definition and not before:  # else they may wait behind one that stays
            deadline = time.monotonic() + WAIT_S
            while await auditor.count(GOVERNED):
                if time.monotonic() > deadline:
                    self.book.error("a policy does nothing", f"{definition}: they do not expire")
                    break
                await asyncio.sleep(0.02)
        self.book.counts["policies tried"] += 1

    def cast(self) -> list[Client]:
        clients: list[Client] = []
        for place in GROUPS:
            clients += [
                Publisher(self.book, self.random, place, self.random.choice((1, 20, 100)))
                for _ in range(self.random.randint(0, 2))
            ]
            for queue in place.queues:
                if self.random.random() < (0.7 if queue in place.sources else 0.3):
                    prefetch = self.random.choice((0, 1, 20, 200))
                    clients.append(Consumer(self.book, self.random, queue, prefetch))
        return clients

    async def load(self) -> None:
        clients = self.cast()
        tasks = [asyncio.create_task(client.run(self.broker.port)) for client in clients]
        governing = asyncio.create_task(asyncio.to_thread(self.governor.govern))
        try:
            await asyncio.sleep(self.random.uniform(*LOAD_S))
            is_kill = self.random.random() < 0.9
            if is_kill:
                for client in clients:
                    if client.link is not None:
                        client.link.mute()
            number = signal.SIGKILL if is_kill else signal.SIGTERM
            code = await asyncio.to_thread(self.broker.stop, number)
            self.book.counts["kills" if is_kill else "stops"] += 1
            if code not in (0, -signal.SIGKILL):
                self.book.error("exit code", str(code))
            async with asyncio.timeout(WAIT_S):
                await asyncio.gather(*tasks)
                await governing
        finally:
            for task in tasks:
                task.cancel()
            for client in clients:
                if client.link is not None:
                    client.link.drop()
        self.broker.forget_pipes()
        self.read_log()

    def read_log(self) -> None:
        text = self.broker.log.read_text(errors="replace")
        for word in ("bug:", "Traceback"):
            if word in text:
                self.book.error("in the broker's log", text[-3000:])


def torment(data_dir: Path, seed: int, count: int, record: Callable[[str, object], None]) -> Book:
    with GovernedBroker(data_dir, *SMALL) as broker:
        run = Torment(broker, seed)
        try:
            asyncio.run(run.run(int(os.environ.get("LEVERET_ROUNDS", count))))
        finally:
            print(f"\nLEVERET_SEED={seed}: {run.report()}")  # noqa: T201
    for name, number in run.book.counts.items():
        record(name, number)
    return run.book


def test_what_was_confirmed_is_in_one_place_after_kill_9(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    book = torment(tmp_path / "data", SEED, 5, record_property)
    for event in ("confirmed", "rejected", "requeued", "owed", "facts checked", "governed"):
        assert book.counts[event] > 20, book.counts


@pytest.mark.soak
def test_what_was_confirmed_is_in_one_place_after_kill_9_for_long(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    seed = int(os.environ.get("LEVERET_SEED", random.SystemRandom().randrange(10**9)))
    torment(tmp_path / "data", seed, 150, record_property)
