"""Rounds of load on one data directory, each ended by a kill -9, and what is there afterwards.

    start ─ check ─ load … kill ─ start ─ check ─ load … kill ─ … start ─ check, and drain all

The check counts every queue; it may read it to its end and give all back (browse), or ack all
(drain), or leave it as it is, so that a backlog lives through several kills. Some kills hit a
broker that is just starting; now and then one is stopped by SIGTERM under load instead.

Without a process of ours (`BrokerProcess` None) the clients drop their connections instead, and
nothing may be lost: that is how the instrument is tested, on RabbitMQ too.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Iterable
from random import Random
from typing import Any

from tests.fault.clients import (
    FAN,
    FANS,
    PHOENIX,
    QUEUES,
    Client,
    Definition,
    Scene,
    binding_fields,
    cast,
    declaration,
)
from tests.fault.ledger import Copy, Ledger, Subscription
from tests.fault.link import Event, Link
from tests.integration.support import publish_frames
from tests.support.process import BrokerProcess

WAIT_S = 60.0  # whatever takes longer hangs
LOAD_S = 0.02, 0.8
QUIET_S = 0.3  # a broker that was left alone for so long has dealt with what was sent
ABSENCES_MAX = 3  # a definition that was found absent so often is not looked for any more


class Torture:
    """A run. process: None tortures what listens on `port`, and kills nothing.

    tolerates: see `Ledger`.
    """

    def __init__(
        self,
        process: BrokerProcess | None,
        seed: int,
        port: int = 0,
        tolerates: Iterable[str] = (),
    ):
        self.process = process
        self.port = port
        self.seed = seed
        self.random = Random(seed)
        self.ledger = Ledger(QUEUES, tolerates)
        self.scene = Scene(self.ledger)
        self.counts = self.ledger.counts
        self.restarts_ms: list[float] = []
        self.doing = ""
        self._log_read = 0

    async def run(self, rounds: int) -> None:
        """Raises: AssertionError, with all that was wrong until the end of that round."""
        self.counts["rounds"] = 0
        try:
            await self._start(is_first=True)
            for _ in range(rounds):
                await self._load()
                await self._start()
                self.counts["rounds"] += 1
                self._judge()
            await self._check("drain")
            self._judge()
            if self.process is not None:
                self._stop_process(signal.SIGTERM)
            else:
                async with Auditor(self) as auditor:
                    await auditor.tidy_up()
        except AssertionError:
            raise
        except Exception as error:  # it hangs, or is gone
            problem = f"{error!r} while {self.doing}\n{self._last_words()}"
            raise AssertionError(self._accusation(problem)) from error

    # --- one life

    async def _start(self, is_first: bool = False) -> None:
        self.doing = "starting"
        if self.process is not None:
            if not is_first and self.random.random() < 0.2:
                self._kill_while_starting()
            started = time.monotonic()
            self.process.start()
            if not is_first:
                self.restarts_ms.append((time.monotonic() - started) * 1000)
            self.port = self.process.port
        if is_first:
            async with Auditor(self) as auditor:
                await auditor.prepare()
        elif self.process is None:
            await self._wait_until_quiet()
        if not is_first:
            await self._check(self.random.choice(("count", "count", "browse", "drain")))

    def _kill_while_starting(self) -> None:
        assert self.process is not None
        self.process.launch()
        time.sleep(self.random.random() * max(self.restarts_ms, default=300) / 1000)
        self._stop_process(signal.SIGKILL)
        self.counts["kills while starting"] += 1

    async def _load(self) -> None:
        self.doing = "under load"
        clients = cast(self.scene, self.random)
        tasks = [asyncio.create_task(client.run(self.port)) for client in clients]
        try:
            await asyncio.sleep(self.random.uniform(*LOAD_S))
            if self.process is None:
                for task in tasks:
                    task.cancel()
                self.counts["drops"] += 1
            elif self.random.random() < 0.1:
                self.ledger.is_ending = True
                self.process.signal(signal.SIGTERM)
                self.counts["stops"] += 1
            else:
                for client in clients:
                    client.mute()
                self._stop_process(signal.SIGKILL)
                self.counts["kills"] += 1
            async with asyncio.timeout(WAIT_S):
                ends = await asyncio.gather(*tasks, return_exceptions=True)
            for end in ends:
                if isinstance(end, Exception):
                    raise end
            if self.process is not None:
                self._stop_process(0)  # it was told; only wait
        finally:
            for task in tasks:
                task.cancel()
            for client in clients:
                client.drop()
        self.ledger.begin_life(is_same_broker=self.process is None)
        if self.process is not None:
            self.scene.definitions.begin_life()

    async def _check(self, how: str) -> None:
        async with Auditor(self) as auditor:
            self.doing = "checking definitions"
            await auditor.check_definitions()
            await auditor.check_phoenix()
            for queue in QUEUES:
                self.doing = f"checking {queue} ({how})"
                await auditor.check_queue(queue, how)
        self.counts[how] += 1

    async def _wait_until_quiet(self) -> None:
        """Until the broker has noticed that all clients are gone."""
        deadline = time.monotonic() + WAIT_S
        async with Auditor(self) as auditor:
            before: list[tuple[int, int]] = []
            while time.monotonic() < deadline:
                now = [await auditor.count(queue) for queue in QUEUES]
                if now == before and not any(consumers for _, consumers in now):
                    return
                before = now
                await asyncio.sleep(QUIET_S)
        raise AssertionError(f"still busy: {before}")

    # --- the process and its log

    def _stop_process(self, signal_number: int) -> None:
        assert self.process is not None
        code = self.process.stop(signal_number)
        if code not in (0, -signal.SIGKILL):
            self.ledger.error(f"the broker ended with {code}")
        log = self.process.log.read_text(errors="replace")
        for word in ("bug:", "Traceback", "Warning:"):
            at = log.find(word, self._log_read)
            if at >= 0:
                at = log.rfind("\n", 0, at) + 1
                self.ledger.error(f"in the broker's log: {log[at : at + 2500]}")
                break
        self._log_read = len(log)

    def _last_words(self) -> str:
        return "" if self.process is None else self.process.log.read_text(errors="replace")[-2000:]

    # --- what came out

    def _judge(self) -> None:
        if self.ledger.errors:
            raise AssertionError(self._accusation(""))

    def _accusation(self, problem: str) -> str:
        where = "" if self.process is None else f" data in {self.process.data_dir}"
        parts = [f"seed {self.seed}, round {self.counts['rounds'] + 1}:{where}", problem]
        parts += self.ledger.errors
        return "\n".join([*filter(None, parts), self.report()])

    def report(self) -> str:
        """The counts, in one line."""
        counts = ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items()))
        if not self.restarts_ms:
            return counts
        mean = sum(self.restarts_ms) / len(self.restarts_ms)
        return f"{counts}; restart {mean:.0f} ms, at most {max(self.restarts_ms):.0f} ms"


class Auditor(Client):
    """Looks at a broker on which nobody else is. An async context; bounded by WAIT_S."""

    def __init__(self, torture: Torture):
        super().__init__(torture.scene, torture.random)
        self._port = torture.port
        self._exits = contextlib.AsyncExitStack()
        self._returned = 0
        self._read: list[Copy] = []
        self._subscription = Subscription("")
        self._last_tag = 0
        self._arrived = 0

    async def __aenter__(self) -> Auditor:
        await self._exits.enter_async_context(asyncio.timeout(WAIT_S))
        self.link = await Link.open(self._port)
        return self

    async def __aexit__(self, *exception: Any) -> bool | None:
        try:
            if exception[0] is None:
                await self._link.close()
        finally:
            self.drop()
            ended = await self._exits.__aexit__(*exception)
        return ended

    def on_event(self, event: Event) -> None:
        if event.name == "Basic.Return":
            self._returned += 1
        elif event.name == "Basic.Deliver":
            copy = self.ledger.deliver(
                self._subscription, event.properties, event.body, event.fields["redelivered"]
            )
            self._arrived += 1
            self._last_tag = event.fields["delivery_tag"]
            if copy is not None:
                self._read.append(copy)
        else:
            super().on_event(event)

    async def prepare(self) -> None:
        """Declare what the messages go through, from nothing."""
        await self.tidy_up()
        for queue, arguments in QUEUES.items():
            await self.call("Queue.Declare", queue=queue, durable=True, arguments=arguments)
        await self.call("Exchange.Declare", exchange=FAN, type="fanout", durable=True)
        for queue in FANS:
            await self.call("Queue.Bind", queue=queue, exchange=FAN)

    async def tidy_up(self) -> None:
        """Nothing is left of the torture."""
        definitions = self.scene.definitions
        for queue in (*QUEUES, *(item.name for item in definitions.there("queue"))):
            await self.call("Queue.Delete", queue=queue)
        for exchange in (FAN, *(item.name for item in definitions.there("exchange"))):
            await self.call("Exchange.Delete", exchange=exchange)

    async def reopen(self) -> None:
        """A new channel in place of the one that was closed."""
        await self.call("Channel.Open")
        self.next_seqno = 1

    # --- messages

    async def count(self, queue: str) -> tuple[int, int]:
        """Returns: messages and consumers; -1 if there is no such queue."""
        event = await self._ask("Queue.Declare", queue=queue, passive=True)
        if event is None:
            return -1, 0
        return event.fields["message_count"], event.fields["consumer_count"]

    async def check_phoenix(self) -> None:
        """That it is there or not; afterwards it is."""
        count, _ = await self.count(PHOENIX)
        expected = self.scene.has_phoenix
        if expected is not None and expected != (count >= 0):
            self.ledger.error(f"{PHOENIX} {'is gone' if expected else 'is there again'}")
        if count < 0:
            self.ledger.read_to_its_end(PHOENIX)
            await self.call("Queue.Declare", queue=PHOENIX, durable=True)
        self.scene.has_phoenix = True

    async def check_queue(self, queue: str, how: str) -> None:
        """how: count, browse or drain."""
        least, most = self.ledger.owed(queue), self.ledger.possible(queue)
        count, _ = await self.count(queue)
        if count < 0:
            self.ledger.error(f"{queue} is gone")
        if not least <= count <= most:
            self.ledger.error(f"{queue}: {count} messages, not {least} to {most}")
            how = "browse" if how == "count" else how  # which ones?
        if how == "count":
            return
        self._subscription = Subscription(queue)
        self._read.clear()
        self._arrived = 0
        await self.call("Tx.Select")
        await self.call("Basic.Consume", queue=queue, consumer_tag="auditor")
        while self._arrived < count:
            await self.hear()
        # Whatever else there is comes before this answer, or with it.
        left, _ = await self.count(queue)
        if left or self._arrived > count:
            self.ledger.error(f"{queue}: more than the {count} messages it counted")
        self.ledger.read_to_its_end(queue)
        if how == "drain" and count > 0:
            self.say("Basic.Ack", delivery_tag=self._last_tag, multiple=True)
            for copy in self._read:
                self.ledger.ack(copy)
            await self.call("Tx.Commit")
            self.ledger.prove(self._read)
        else:
            for copy in self._read:
                self.ledger.requeue(copy)
        await self.call("Channel.Close", reply_code=200)
        await self.reopen()

    # --- definitions

    async def check_definitions(self) -> None:
        definitions = self.scene.definitions
        for item in [item for item in definitions.items if item.kind != "binding"]:
            self._note(item, await self._exists(item))
        await self.call("Confirm.Select")
        for item in [item for item in definitions.items if item.kind == "binding"]:
            self._note(item, await self._is_bound(item))
        for queue in definitions.there("queue"):
            await self.call("Queue.Purge", queue=queue.name)
        definitions.items = [item for item in definitions.items if item.absences < ABSENCES_MAX]
        await self.call("Channel.Close", reply_code=200)
        await self.reopen()

    def _note(self, item: Definition, is_there: bool) -> None:
        self.ledger.counts["definitions checked"] += 1
        if item.is_there is not None and item.is_there != is_there:
            self.ledger.error(f"{item} {'is there again' if is_there else 'is gone'}")
        item.is_there = is_there
        item.absences += not is_there

    async def _exists(self, item: Definition) -> bool:
        """And if so, as it was declared."""
        method = f"{item.kind.capitalize()}.Declare"
        if await self._ask(method, **declaration(item), passive=True) is None:
            return False
        if await self._ask(method, **declaration(item)) is None:
            self.ledger.error(f"{item} is not as it was declared")
        return True

    async def _is_bound(self, binding: Definition) -> bool:
        """Whether a message gets through."""
        assert binding.source is not None
        if not binding.source.is_there:
            return False
        fields = binding_fields(binding)
        del fields["queue"]
        before = self._returned
        frames = publish_frames(1, b"probe", mandatory=True, **fields)
        self.send(frames)
        await self.reply("Basic.Ack")
        return self._returned == before

    async def _ask(self, name: str, **fields: Any) -> Event | None:
        """Returns: None if the broker closed the channel; there is a new one then."""
        self.say(name, **fields)
        event = await self.reply(f"{name}Ok", "Channel.Close")
        if event.name != "Channel.Close":
            return event
        if event.fields["reply_code"] != 404:
            self.ledger.error(f"{name} {fields}: {event.fields}")
        self.say("Channel.CloseOk")
        await self.reopen()
        return None
