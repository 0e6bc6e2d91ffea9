"""The clients of a torture: publishers, consumers, and those who change definitions.

Each has one connection, does what it is for until the broker is gone, and tells the ledger. What
is sent is noted in the same step, so that between the two nobody reads anything; what the broker
said before it died is read to its end.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.conformance import wire_codec as wire
from tests.fault.ledger import Copy, Ledger, Message, Subscription
from tests.fault.link import FRAME_MAX, Event, Link, LostError

DIRECT = "kill.direct"
FANS = ("kill.fan1", "kill.fan2", "kill.fan3")
FAN = "kill.fan"  # the exchange
PHOENIX = "kill.phoenix"
# Some are what only an extended queue has, to no effect: the same is owed to them.
QUEUES: dict[str, dict[str, Any]] = {
    DIRECT: {},
    FANS[0]: {"x-queue-mode": "lazy"},
    FANS[1]: {"x-message-ttl": 1_000_000_000, "x-max-length": 10_000_000},
    FANS[2]: {"x-max-priority": 3},
    PHOENIX: {},
}
BACKLOG_MAX = 3000  # messages in a queue at which publishers wait
SMALL_SIZES = (1, 20, 60, 200)
LARGE_SIZES = (1000, 4000, 20_000, 200_000)


@dataclass
class Scene:
    """What the clients of a torture share."""

    ledger: Ledger
    has_phoenix: bool | None = True  # None: nobody knows
    definitions: Definitions = field(default_factory=lambda: Definitions())


class Client:
    """One connection with channel 1. `work` runs until it raises LostError."""

    def __init__(self, scene: Scene, random: Random):
        self.scene = scene
        self.ledger = scene.ledger
        self.random = random
        self.link: Link | None = None
        self.next_seqno = 1
        self.outstanding: dict[int, Message] = {}  # by publish seqno
        self.unproven: deque[tuple[int, Copy]] = deque()  # what proves it: that seqno, or later

    async def run(self, port: int) -> None:
        """Live and die with the broker."""
        try:
            self.link = await Link.open(port)
            await self.work()
        except LostError:
            pass
        if self.link is None:
            return
        try:
            while True:  # what it had said before it died
                self.on_event(await self.link.event())
        except LostError:
            self.link.drop()

    def mute(self) -> None:
        if self.link is not None:
            self.link.mute()

    def drop(self) -> None:
        if self.link is not None:
            self.link.drop()

    async def work(self) -> None:
        raise NotImplementedError

    # saying and hearing

    @property
    def _link(self) -> Link:
        assert self.link is not None
        return self.link

    def send(self, data: bytes) -> None:
        self._link.send(data)

    def say(self, name: str, **fields: Any) -> None:
        self._link.say(1, name, **fields)

    async def call(self, name: str, **fields: Any) -> Event:
        self.say(name, **fields)
        return await self.reply(f"{name}Ok")

    async def reply(self, *names: str) -> Event:
        """Wait for one of these; what comes before is taken note of."""
        while True:
            event = await self._link.event()
            if event.name in names:
                return event
            self.on_event(event)

    async def hear(self) -> None:
        """Wait until something comes, take note of all there is."""
        event: Event | None = await self._link.event()
        while event is not None:
            self.on_event(event)
            event = self._link.next_event()

    def on_event(self, event: Event) -> None:
        if event.name in ("Basic.Ack", "Basic.Nack"):
            self._on_confirm(event)
        elif event.name == "Connection.Close":
            if not self.ledger.is_ending:
                self.ledger.error(f"the broker closes a connection: {event.fields}")
            self._link.say(0, "Connection.CloseOk")
            raise LostError
        elif event.name not in ("Basic.CancelOk", "Channel.CloseOk", "Tx.CommitOk") and not (
            # The answer to a request that was given up with its connection.
            self._link.is_muted and event.name.endswith(("Ok", "Empty"))
        ):
            self.ledger.error(f"{type(self).__name__} did not expect {event.name} {event.fields}")

    # publishing

    def new_message(self, publisher: int, *targets: str, persistent: float = 1.0) -> Message:
        """To the direct queue, the fan-out or the phoenix. persistent: how likely that is."""
        target = self.random.choice(targets)
        sizes = LARGE_SIZES if self.random.random() < 0.02 else SMALL_SIZES
        return self.ledger.new_message(
            publisher,
            FANS if target == FAN else (target,),
            self.random.randint(1, self.random.choice(sizes)),
            self.random.random() < persistent,
        )

    def publish(self, messages: Sequence[Message], *, confirmed: bool = False) -> None:
        self.send(b"".join(map(frames_of, messages)))
        for message in messages:
            self.ledger.publish(message)
            if confirmed:
                self.outstanding[self.next_seqno] = message
                self.next_seqno += 1

    def _on_confirm(self, event: Event) -> None:
        tag, is_ack = event.fields["delivery_tag"], event.name == "Basic.Ack"
        if event.fields["multiple"]:
            seqnos = [seqno for seqno in self.outstanding if seqno <= tag or not tag]
        else:
            seqnos = [tag] if tag in self.outstanding else []
            if not seqnos:
                self.ledger.error(f"a confirm of {tag}, which is not outstanding")
        for seqno in seqnos:
            message = self.outstanding.pop(seqno)
            if not is_ack:
                self.ledger.counts["refused"] += 1
                continue
            self.ledger.confirm(message)
            if message.persistent:
                while self.unproven and self.unproven[0][0] <= seqno:
                    self.ledger.prove([self.unproven.popleft()[1]])

    async def all_confirmed(self) -> None:
        while self.outstanding:
            await self.hear()

    async def pause(self, *queues: str) -> None:
        """Wait while there is too much in one of the queues."""
        await self._link.drained()
        while any(self.ledger.possible(queue) > BACKLOG_MAX for queue in queues):
            if self._link.is_muted or self._link.is_at_end:
                return
            await asyncio.sleep(0.01)


def frames_of(message: Message) -> bytes:
    """basic.publish with its content."""
    exchange, key = (FAN, "") if message.queues == FANS else ("", message.queues[0])
    return wire.method_frame(
        1, "Basic.Publish", exchange=exchange, routing_key=key
    ) + wire.content_frames(1, message.body, message.properties, FRAME_MAX)


# --- publishers


class ConfirmedPublisher(Client):
    """Publishes with confirms, so many at once. window 1: one at a time."""

    def __init__(self, scene: Scene, random: Random, publisher: int, window: int, *targets: str):
        super().__init__(scene, random)
        self.publisher, self.window, self.targets = publisher, window, targets

    async def work(self) -> None:
        await self.call("Confirm.Select")
        while True:
            room = self.window - len(self.outstanding)
            if room:
                count = self.random.randint(1, room)
                self.publish(
                    [self._message() for _ in range(count)],
                    confirmed=True,
                )
            await self.pause(*QUEUES)
            await self.hear()

    def _message(self) -> Message:
        return self.new_message(self.publisher, *self.targets, persistent=0.85)


class BlindPublisher(Client):
    """Publishes and asks for nothing; all of it may be lost."""

    def __init__(self, scene: Scene, random: Random, publisher: int):
        super().__init__(scene, random)
        self.publisher = publisher

    async def work(self) -> None:
        while True:
            count = self.random.randint(1, 10)
            self.publish(
                [
                    self.new_message(self.publisher, DIRECT, FAN, persistent=0.7)
                    for _ in range(count)
                ]
            )
            await self.pause(*QUEUES)
            await asyncio.sleep(self.random.random() * 0.01)
            while (event := self._link.next_event()) is not None:
                self.on_event(event)


class TxPublisher(Client):
    """Publishes in transactions, and rolls some of them back."""

    def __init__(self, scene: Scene, random: Random, publisher: int):
        super().__init__(scene, random)
        self.publisher = publisher

    async def work(self) -> None:
        await self.call("Tx.Select")
        while True:
            messages = [
                self.new_message(self.publisher, DIRECT, FAN, persistent=0.9)
                for _ in range(self.random.randint(1, 30))
            ]
            self.send(b"".join(map(frames_of, messages)))
            if self.random.random() < 0.3:
                await asyncio.sleep(self.random.random() * 0.02)  # killed here: all gone
            if self.random.random() < 0.2:
                self.say("Tx.Rollback")
                for message in messages:
                    self.ledger.roll_back(message)
                await self.reply("Tx.RollbackOk")
                continue
            self.say("Tx.Commit")
            for message in messages:
                self.ledger.publish(message)
            await self.reply("Tx.CommitOk")
            self.ledger.counts["committed"] += 1
            for message in messages:
                self.ledger.confirm(message)
            await self.pause(*QUEUES)


# --- consumers


class Consumer(Client):
    """Consumes with acks.

    prefetch: 0: all there is. multiple: acks many at once, otherwise each on its own, in any
    order. requeues: how likely it gives one back. is_restless: it cancels, or closes its channel
    over what it holds, and comes again.
    """

    def __init__(
        self,
        scene: Scene,
        random: Random,
        queue: str,
        *,
        prefetch: int,
        multiple: bool = False,
        requeues: float = 0.0,
        is_restless: bool = False,
    ):
        super().__init__(scene, random)
        self.queue, self.prefetch, self.multiple = queue, prefetch, multiple
        self.requeues, self.is_restless = requeues, is_restless
        self.held: dict[int, Copy | None] = {}  # by delivery tag
        self.subscription = Subscription(queue)
        self.is_leaving = False

    async def work(self) -> None:
        await self.subscribe()
        while True:
            await self.hear()
            self.settle()
            if self.is_restless and self.random.random() < 0.02:
                await self.come_again()

    async def subscribe(self) -> None:
        if self.prefetch:
            await self.call("Basic.Qos", prefetch_count=self.prefetch)
        await self.call("Basic.Consume", queue=self.queue, consumer_tag="c")

    def on_event(self, event: Event) -> None:
        if event.name in ("Basic.Deliver", "Basic.GetOk"):
            if not self.is_leaving:
                redelivered = event.fields["redelivered"]
                self.held[event.fields["delivery_tag"]] = self.ledger.deliver(
                    self.subscription, event.properties, event.body, redelivered
                )
        else:
            super().on_event(event)

    def settle(self) -> None:
        if self.multiple:
            least = self.random.randint(1, self.prefetch or 100)
            if len(self.held) >= least:
                self.settle_up_to(self.random.choice(list(self.held)))
        else:
            tags = list(self.held)
            if self.random.random() < 0.5:
                self.random.shuffle(tags)
            for tag in tags:
                self.settle_one(tag)

    def settle_up_to(self, tag: int) -> None:
        tags = [held for held in self.held if held <= tag]
        if self.random.random() < self.requeues:
            self.say("Basic.Nack", delivery_tag=tag, multiple=True, requeue=True)
            self.give_back(tags)
        elif self.random.random() < 0.05:
            self.say("Basic.Nack", delivery_tag=tag, multiple=True, requeue=False)
            self.note_acks(tags)
        else:
            self.say("Basic.Ack", delivery_tag=tag, multiple=True)
            self.note_acks(tags)

    def settle_one(self, tag: int) -> None:
        if self.random.random() < self.requeues:
            name = self.random.choice(("Basic.Nack", "Basic.Reject"))
            self.say(name, delivery_tag=tag, requeue=True)
            self.give_back([tag])
        elif self.random.random() < 0.05:
            self.say("Basic.Reject", delivery_tag=tag, requeue=False)
            self.note_acks([tag])
        else:
            self.say("Basic.Ack", delivery_tag=tag)
            self.note_acks([tag])

    def note_acks(self, tags: list[int]) -> list[Copy]:
        """Just sent. Returns: what was acked."""
        copies = [copy for tag in tags if (copy := self.held.pop(tag)) is not None]
        for copy in copies:
            self.ledger.ack(copy)
            self.unproven.append((self.next_seqno, copy))
        return copies

    def give_back(self, tags: list[int]) -> None:
        for tag in tags:
            copy = self.held.pop(tag)
            if copy is not None:
                self.ledger.requeue(copy)

    async def come_again(self) -> None:
        if self.random.random() < 0.5:
            await self.call("Basic.Cancel", consumer_tag="c")
            if self.held:
                self.settle_up_to(max(self.held))
            self.subscription = Subscription(self.queue)
            await self.call("Basic.Consume", queue=self.queue, consumer_tag="c")
            return
        self.say("Channel.Close", reply_code=200)
        self.ledger.counts["channels closed"] += 1
        self.ledger.disturb(self.queue)
        self.give_back(list(self.held))
        self.is_leaving = True
        await self.reply("Channel.CloseOk")
        await self.call("Channel.Open")
        self.is_leaving = False
        self.unproven.clear()
        self.subscription = Subscription(self.queue)
        await self.subscribe()


class Relay(Consumer):
    """Acks, and then publishes with confirms on the same channel: a confirm proves the acks."""

    def __init__(self, scene: Scene, random: Random, publisher: int, queue: str, **how: Any):
        super().__init__(scene, random, queue, **how)
        self.publisher = publisher

    async def work(self) -> None:
        await self.call("Confirm.Select")
        await self.subscribe()
        while True:
            await self.hear()
            self.settle()
            if self.unproven and len(self.outstanding) < 20:
                self.publish([self.new_message(self.publisher, DIRECT)], confirmed=True)


class TxConsumer(Consumer):
    """Acks and publishes in transactions: the acks of those that were committed are proven."""

    def __init__(self, scene: Scene, random: Random, publisher: int, queue: str, **how: Any):
        super().__init__(scene, random, queue, **how)
        self.publisher = publisher

    async def work(self) -> None:
        await self.call("Tx.Select")
        await self.subscribe()
        while True:
            await self.hear()
            if self.held:
                await self.transact()

    async def transact(self) -> None:
        count = self.random.randint(1, len(self.held))
        tags = self.random.sample(list(self.held), count)
        for tag in tags:
            self.say("Basic.Ack", delivery_tag=tag)
        messages = [
            self.new_message(self.publisher, DIRECT) for _ in range(self.random.randint(0, 2))
        ]
        self.send(b"".join(map(frames_of, messages)))
        if self.random.random() < 0.2:
            self.say("Tx.Rollback")
            for message in messages:
                self.ledger.roll_back(message)
            await self.reply("Tx.RollbackOk")  # and they are held as before
            return
        self.say("Tx.Commit")
        for message in messages:
            self.ledger.publish(message)
        copies = self.note_acks(tags)
        self.unproven.clear()
        await self.reply("Tx.CommitOk")
        self.ledger.counts["committed"] += 1
        self.ledger.prove(copies)
        for message in messages:
            self.ledger.confirm(message)


class Getter(Consumer):
    """basic.get; holds a few before it settles them."""

    def __init__(self, scene: Scene, random: Random, queue: str):
        super().__init__(scene, random, queue, prefetch=5, multiple=True, requeues=0.1)

    async def work(self) -> None:
        while True:
            self.say("Basic.Get", queue=self.queue)
            event = await self.reply("Basic.GetOk", "Basic.GetEmpty")
            self.ledger.counts["gets"] += 1
            if event.name == "Basic.GetOk":
                self.on_event(event)
                if self.random.random() < 0.5:
                    self.settle()
                else:
                    self.settle_one(self.random.choice(list(self.held)))
            else:
                await asyncio.sleep(0.01)


# --- definitions


class Phoenix(Client):
    """Publishes to a queue, purges it, deletes it and declares it again."""

    def __init__(self, scene: Scene, random: Random, publisher: int):
        super().__init__(scene, random)
        self.publisher = publisher

    async def work(self) -> None:
        await self.call("Confirm.Select")
        while True:
            count = self.random.randint(1, 30)
            messages = [
                self.new_message(self.publisher, PHOENIX, persistent=0.9) for _ in range(count)
            ]
            self.publish(messages, confirmed=True)
            await self.all_confirmed()
            match self.random.choice(("purge", "delete", "", "")):
                case "purge":
                    await self.purge()
                case "delete":
                    await self.delete()
            await asyncio.sleep(self.random.random() * 0.02)

    async def purge(self) -> None:
        least, most = self.ledger.owed(PHOENIX), self.ledger.possible(PHOENIX)
        self.say("Queue.Purge", queue=PHOENIX)
        for copy in self.ledger.empty(PHOENIX):
            self.unproven.append((self.next_seqno, copy))
        event = await self.reply("Queue.PurgeOk")
        self.ledger.counts["purges"] += 1
        self._check_count(least, event.fields["message_count"], most)

    async def delete(self) -> None:
        least, most = self.ledger.owed(PHOENIX), self.ledger.possible(PHOENIX)
        self.say("Queue.Delete", queue=PHOENIX)
        self.scene.has_phoenix = None
        self.ledger.empty(PHOENIX)
        event = await self.reply("Queue.DeleteOk")
        self.scene.has_phoenix = False
        self.ledger.counts["phoenix deleted"] += 1
        self.ledger.delete(PHOENIX)
        self.unproven.clear()
        self._check_count(least, event.fields["message_count"], most)
        await asyncio.sleep(self.random.random() * 0.01)
        self.say("Queue.Declare", queue=PHOENIX, durable=True)
        self.scene.has_phoenix = None
        event = await self.reply("Queue.DeclareOk")
        self.scene.has_phoenix = True
        self._check_count(0, event.fields["message_count"], 0)

    def _check_count(self, least: int, count: int, most: int) -> None:
        if not least <= count <= most:
            self.ledger.error(f"{PHOENIX}: {count} messages, not {least} to {most}")


@dataclass(eq=False)
class Definition:
    """is_there: None: nobody knows. A binding has source, target and key."""

    kind: str
    name: str
    durable: bool
    arguments: dict[str, Any]
    is_there: bool | None = False
    source: Definition | None = None
    target: Definition | None = None
    absences: int = 0  # checks in which it was not there

    def __str__(self) -> str:
        return f"the {'durable' if self.durable else 'transient'} {self.kind} {self.name}"


class Definitions:
    """What queues, exchanges and bindings there should be, beside those of the messages."""

    def __init__(self) -> None:
        self.items: list[Definition] = []
        self.last_number = 0
        self.prefix = f"kill.{secrets.token_hex(4)}"  # others may have left theirs

    def new(self, kind: str, durable: bool, arguments: dict[str, Any]) -> Definition:
        self.last_number += 1
        definition = Definition(kind, f"{self.prefix}.{self.last_number}", durable, arguments)
        self.items.append(definition)
        return definition

    def there(self, kind: str) -> list[Definition]:
        return [item for item in self.items if item.kind == kind and item.is_there]

    def bindings_of(self, end: Definition) -> list[Definition]:
        return [item for item in self.items if end in (item.source, item.target) and item.is_there]

    def begin_life(self) -> None:
        """What is not durable is gone, and its bindings with it."""
        for item in self.items:
            ends = [end for end in (item.source, item.target) if end is not None]
            if not all(definition.durable for definition in (item, *ends)):
                item.is_there = False


class Definer(Client):
    """Declares, binds, unbinds and deletes, one after the other."""

    MOST = 12  # of a kind

    async def work(self) -> None:
        while True:
            await self.step()
            self.ledger.counts["definitions changed"] += 1
            await asyncio.sleep(self.random.random() * 0.01)

    async def step(self) -> None:
        definitions, random = self.scene.definitions, self.random
        queues, exchanges = definitions.there("queue"), definitions.there("exchange")
        bindings = definitions.there("binding")
        match random.choice(("queue", "exchange", "bind", "bind", "unbind", "delete")):
            case "queue" if len(queues) < self.MOST:
                arguments = random.choice(({}, {"x-max-length": random.randint(10, 99)}))
                queue = definitions.new("queue", random.random() < 0.8, arguments)
                await self.change([queue], True, "Queue.Declare", **declaration(queue))
            case "exchange" if len(exchanges) < self.MOST:
                exchange = definitions.new("exchange", random.random() < 0.8, {})
                await self.change([exchange], True, "Exchange.Declare", **declaration(exchange))
            case "bind" if queues and exchanges and len(bindings) < self.MOST:
                binding = definitions.new("binding", True, {})
                binding.source, binding.target = random.choice(exchanges), random.choice(queues)
                await self.change([binding], True, "Queue.Bind", **binding_fields(binding))
            case "unbind" if bindings:
                binding = random.choice(bindings)
                await self.change([binding], False, "Queue.Unbind", **binding_fields(binding))
            case "delete" if len(queues) + len(exchanges) > self.MOST // 2:
                item = random.choice(queues + exchanges)
                name = f"{item.kind.capitalize()}.Delete"
                affected = [item, *definitions.bindings_of(item)]
                await self.change(affected, False, name, **{item.kind: item.name})

    async def change(
        self, affected: list[Definition], becomes: bool, name: str, **fields: Any
    ) -> None:
        self.say(name, **fields)
        for item in affected:
            item.is_there = None
        await self.reply(f"{name}Ok")
        for item in affected:
            item.is_there = becomes


def declaration(item: Definition) -> dict[str, Any]:
    fields = {item.kind: item.name, "durable": item.durable, "arguments": item.arguments}
    return fields | ({"type": "direct"} if item.kind == "exchange" else {})


def binding_fields(binding: Definition) -> dict[str, Any]:
    assert binding.source is not None
    assert binding.target is not None
    return {
        "queue": binding.target.name,
        "exchange": binding.source.name,
        "routing_key": binding.name,
    }


def cast(scene: Scene, random: Random) -> list[Client]:
    """Who plays this time: most of them. A publisher has its number for the whole run."""
    direct, fan = (DIRECT,), (FAN,)
    everyone: list[Client] = [
        ConfirmedPublisher(scene, random, 1, 100, *direct),
        ConfirmedPublisher(scene, random, 2, 1, *fan),
        ConfirmedPublisher(scene, random, 3, 20, *direct, *fan),
        ConfirmedPublisher(scene, random, 4, 1, *direct),
        TxPublisher(scene, random, 5),
        BlindPublisher(scene, random, 6),
        Relay(scene, random, 7, FANS[2], prefetch=10),
        Relay(scene, random, 8, FANS[1], prefetch=50, multiple=True),
        TxConsumer(scene, random, 9, FANS[0], prefetch=30),
        Phoenix(scene, random, 10),
        Definer(scene, random),
        Consumer(scene, random, DIRECT, prefetch=1, requeues=0.02),
        Consumer(scene, random, DIRECT, prefetch=50, multiple=True, requeues=0.05),
        Consumer(scene, random, FANS[0], prefetch=50, requeues=0.02, is_restless=True),
        Consumer(scene, random, FANS[1], prefetch=0, multiple=True, requeues=0.02),
        Consumer(scene, random, FANS[2], prefetch=0, is_restless=True, multiple=True),
        Getter(scene, random, DIRECT),
        Getter(scene, random, FANS[2]),
    ]
    return [client for client in everyone if random.random() < 0.8] or everyone
