"""One side of a run: plays steps against one broker and tells what its peers got to see.

What is observed in a step is a dict: per channel the events in order, and under "queues" how many
messages and consumers every queue has, by passive declarations. Made comparable:

* Deliveries are grouped by the queue they come from, and by consumer where that is a quorum queue:
  between those RabbitMQ gives no order. For the same reason delivery tags are not compared but
  checked to be consecutive, and `multiple` with a tag is used only where all that is unacked comes
  from one of them (else the tag is 0: all).
* Confirms are expanded into sets of publish seqnos.
* Cancellations by the broker are a set too: a channel hears of the end of a queue by a message of
  its own, before or after the answer to whoever deleted it.
* What a connection got delivered in the step that ends it is left out: in RabbitMQ its channels
  end one by one, so that one may still be handed what another has given back.
* How many consumers quorum queues have: RabbitMQ counts each unacked message that basic.get has
  fetched as one, a cancelled one until its last message is settled, and those that wait for their
  turn as single active consumer not at all. We count the consumers there are.
* The time in x-death is left out.

Every broker acts on some things later than it answers. `observe` therefore asks every channel
and every queue until two answers running are the same; who compares asks again if they differ from
what he expects.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from typing import Any

from tests.conformance import wire_codec as wire
from tests.conformance.differential.steps import Step
from tests.conformance.wire_client import (
    REPORTS,
    Channel,
    Connection,
    EndedError,
    Event,
    Play,
    Target,
    show,
)

WATCH = 9  # channel number from which a connection's exclusive queues are watched
ROUNDS_MIN, ROUNDS_MAX = 3, 60
CLOSES = ("Channel.Close", "Connection.Close")
DEATH_TIME = re.compile(r"^T \d{10}$")
Observation = dict[str, Any]


@dataclass
class Line:
    """A channel as the player keeps it."""

    channel: Channel
    consumers: dict[str, tuple[str, bool]] = field(default_factory=dict)  # tag: queue, no_ack
    unacked: dict[int, str] = field(default_factory=dict)  # delivery tag: where from
    committed: dict[int, str] | None = None  # in tx mode: what a rollback goes back to
    last_tag: int = 0
    unconfirmed: set[int] | None = None  # None: not in confirm mode
    publish_seqno: int = 0


class Player:
    """Plays steps. prefix: of all names, so that runs do not meet. After each step: `observe`,
    `next_step`; at the end `finish`, which leaves nothing behind."""

    def __init__(self, target: Target, prefix: str):
        self.target = target
        self.prefix = prefix
        self.play_ = Play(target, prefix)
        self.connections: dict[str, Connection] = {}
        self.lines: dict[str, Line] = {}
        self.watchers: dict[str, Channel] = {}
        self.queues: dict[str, str] = {}  # those there may be: letter of an exclusive one's owner
        self.quorum_queues: set[str] = set()
        self.exchanges: set[str] = set()
        self.events: dict[str, list[Any]] = {}  # of this step, by channel
        self.skipped = 0
        self.ended = ""  # why nothing more can be played
        self.burst: bytearray | None = None  # of a burst: what is to be written
        self.awaited: list[tuple[Step, dict[str, Any]]] = []  # and what asks for an answer

    # steps

    def play(self, step: Step) -> None:
        """Do it, and await its answer where it has one. Raises: EndedError, OSError."""
        self.play_.events.clear()
        getattr(self, f"_{step.op}")(step)

    def next_step(self) -> None:
        """What comes from here on belongs to another step."""
        self.events = {}

    def _call(self, step: Step) -> None:
        line = self._line(step)
        fields = self._named(dict(step.fields))
        method = fields.pop("method")
        if _ends_connection(method, fields, line):
            self._give_back_in_turn(step.letter, step.who)
        if method == "Basic.Consume":
            tag = fields["consumer_tag"]
            if f"{fields['queue'].removeprefix(self.prefix)} to {tag}" in line.unacked.values():
                self.skipped += 1  # to a quorum queue it would be the cancelled one, come back
                return
            if tag not in line.consumers:  # deliveries may come with the answer
                line.consumers[tag] = (fields["queue"], fields.get("no_ack", False))
        if method == "Basic.Recover":  # what comes again may come before the answer
            line.unacked.clear()
        self._send(line, method, fields)
        if self.burst is not None:
            self.awaited.append((step, fields))
        else:
            self._await_answer(step, line, fields)

    def _await_answer(self, step: Step, line: Line, fields: dict[str, Any]) -> bool:
        """Returns: False when the channel was closed instead."""
        reply = self._reply(step.who)
        if reply is not None:
            self._on_reply(step, line, reply, fields)
        return reply is not None

    def _send(self, line: Line, method: str, fields: dict[str, Any]) -> None:
        self._write(line, wire.method_frame(line.channel.number, method, **fields))

    def _write(self, line: Line, data: bytes) -> None:
        if self.burst is not None:
            self.burst += data
        else:
            line.channel.connection._write(data)

    def _burst(self, step: Step) -> None:
        """Several steps of a channel in one write; the answers are awaited afterwards."""
        line = self._line(step)
        self.burst, self.awaited = bytearray(), []
        for op, fields in step.fields["acts"]:
            queue = self._named(fields.get("queue", ""))
            if queue and self.queues.get(queue) not in ("", step.letter):
                self.skipped += 1  # it would close the channel
                continue
            getattr(self, f"_{op}")(Step(step.who, op, fields))
        data, self.burst = bytes(self.burst), None
        self._write(line, data)
        for asked, fields in self.awaited:
            if not self._await_answer(asked, line, fields):
                return

    def _on_reply(self, step: Step, line: Line, reply: Event, fields: dict[str, Any]) -> None:
        """Keep what later steps and the watching need to know."""
        if reply.name == "Queue.DeclareOk":
            owner = step.letter if fields.get("exclusive") else ""
            if not fields.get("passive") and self.queues.get(fields["queue"], "") == "":
                self.queues[fields["queue"]] = owner
                if "x-queue-type" in fields.get("arguments", {}):
                    self.quorum_queues.add(fields["queue"])
        elif reply.name == "Exchange.DeclareOk":
            self.exchanges.add(fields["exchange"])
        elif reply.name == "Basic.GetOk" and not fields.get("no_ack"):
            line.unacked[reply.tag] = fields["queue"].removeprefix(self.prefix)
        elif reply.name == "Basic.CancelOk":
            line.consumers.pop(fields["consumer_tag"], None)
        elif reply.name == "Confirm.SelectOk" and line.unconfirmed is None:
            line.unconfirmed = set()
        elif reply.name in ("Tx.SelectOk", "Tx.CommitOk"):
            line.committed = dict(line.unacked)
        elif reply.name == "Tx.RollbackOk" and line.committed is not None:
            line.unacked |= line.committed

    def _publish(self, step: Step) -> None:
        """exchange, routing_key, mandatory, count, size (of the body), properties."""
        line = self._line(step)
        fields = self._named(dict(step.fields))
        data = b""
        method = wire.method_frame(
            step.number,
            "Basic.Publish",
            exchange=fields["exchange"],
            routing_key=fields["routing_key"],
            mandatory=fields.get("mandatory", False),
            immediate=fields.get("immediate", False),
        )
        for number in range(fields.get("count", 1)):
            body = f"{fields['body']}.{number}".encode().ljust(fields.get("size", 0), b".")
            data += method + wire.content_frames(
                step.number, body, fields.get("properties", {}), line.channel.connection.frame_max
            )
            if line.unconfirmed is not None:
                line.publish_seqno += 1
                line.unconfirmed.add(line.publish_seqno)
        self._write(line, data)

    def _settle(self, step: Step) -> None:
        line = self._line(step)
        fields = dict(step.fields)
        method = fields.pop("method")
        if "pick" in fields:
            waiting = sorted(line.unacked, key=lambda tag: (line.unacked[tag], tag))
            if not waiting:
                self.skipped += 1
                return
            fields["delivery_tag"] = waiting[fields.pop("pick") % len(waiting)]
            if fields.get("multiple") and len(set(line.unacked.values())) > 1:
                fields["delivery_tag"] = 0
        tag, multiple = fields["delivery_tag"], fields.get("multiple", False)
        for other in list(line.unacked):
            if other == tag or (multiple and (other <= tag or tag == 0)):
                del line.unacked[other]
        self._send(line, method, fields)

    def _close(self, step: Step) -> None:
        if step.number == 0:
            connection = self.connections.get(step.letter)
            if connection is not None:
                self._give_back_in_turn(step.letter)
                connection.zero.send("Connection.Close", reply_code=200, reply_text="bye")
                self._await(connection.zero.inbox, connection, {"Connection.CloseOk"})
                connection.is_open = False
                self._forget_connection(step.letter)
        elif step.who in self.lines:
            self.lines[step.who].channel.send("Channel.Close", reply_code=200, reply_text="bye")
            self._reply(step.who)
            self.lines.pop(step.who, None)

    def _drop(self, step: Step) -> None:
        connection = self.connections.get(step.letter)
        if connection is not None:
            self._give_back_in_turn(step.letter)
            connection.drop()
            self._forget_connection(step.letter)

    def _give_back_in_turn(self, letter: str, spared: str = "") -> None:
        """A connection is about to end: close channels that have something unacked one by one
        before, all but one. In RabbitMQ channels end at the same time, each a process of its own,
        and give back what they have in any order."""
        holding = [who for who, line in self.lines.items() if who[0] == letter and line.unacked]
        for who in sorted({*holding} - {spared})[0 if spared in holding else 1 :]:
            self._close(Step(who, "close", {}))
            self._look()

    def _drain(self, step: Step) -> None:
        fields = self._named(dict(step.fields))
        for _ in range(1000):
            line = self._line(step)
            self._send(line, "Basic.Get", {"queue": fields["queue"], "no_ack": True})
            reply = self._reply(step.who)
            if reply is None or reply.name != "Basic.GetOk":
                return

    def _wait(self, step: Step) -> None:
        """Time passes for all sides at once: whoever plays them sees to it."""

    # connections and channels

    def _line(self, step: Step) -> Line:
        """The channel of a step, opened if need be."""
        line = self.lines.get(step.who)
        if line is None:
            channel = self._connection(step.letter).raw_channel(step.number)
            self._open(channel)
            line = self.lines[step.who] = Line(channel)
        return line

    def _open(self, channel: Channel) -> None:
        channel.inbox.clear()
        channel.send("Channel.Open")
        if self._await(channel.inbox, channel.connection, {"Channel.OpenOk"}) is None:
            raise EndedError

    def _connection(self, letter: str) -> Connection:
        connection = self.connections.get(letter)
        if connection is None:
            connection = self.connections[letter] = self.play_.connection()
        return connection

    def _forget_connection(self, letter: str) -> None:
        connection = self.connections.pop(letter)
        self.watchers.pop(letter, None)
        with contextlib.suppress(OSError):
            connection.socket.close()
        for who in [who for who in self.lines if who[0] == letter]:
            del self.lines[who]
        for key in [key for key in self.events if re.match(rf"{letter}\d+ from ", key)]:
            del self.events[key]
        for queue, owner in self.queues.items():
            if owner == letter:
                self.queues[queue] = ""

    # hearing

    def _await(self, inbox: list[Event], connection: Connection, names: set[str]) -> Event | None:
        """Take an event of these names from an inbox; None when the connection ended."""

        def found() -> Event | None:
            return next((event for event in inbox if event.name in names), None)

        event = connection.wait(found)
        if event is None:
            if connection.is_at_eof:
                return None
            raise EndedError(f"no {names}")
        inbox.remove(event)
        return event  # type: ignore[no-any-return]

    def _reply(self, who: str) -> Event | None:
        """Await the answer on a channel, and take in all that has come. None: it was closed."""
        line = self.lines[who]
        connection = line.channel.connection

        def found() -> Event | None:
            for event in line.channel.inbox:
                if event.name not in REPORTS:
                    return event
            zero = connection.zero.inbox
            return next((event for event in zero if event.name in CLOSES), None)

        event = connection.wait(found)
        if event is None and not connection.is_at_eof:
            raise EndedError(f"no reply on {who}")
        if event is None or event.name in CLOSES:
            self._take_in()
            return None
        inbox = line.channel.inbox  # what came before it, and it
        for _ in range(inbox.index(event) + 1):
            self._on_event(who, line, inbox.pop(0))
        return event  # type: ignore[no-any-return]

    def _take_in(self) -> None:
        """File what has arrived."""
        for who, line in list(self.lines.items()):
            inbox = line.channel.inbox
            while inbox:
                self._on_event(who, line, inbox.pop(0))
        for letter, connection in list(self.connections.items()):
            for event in connection.zero.inbox:
                self._note(letter, event.name, event.fields)
            closed = bool(connection.zero.inbox)
            connection.zero.inbox.clear()
            if connection.is_at_eof and not closed:
                self._note(letter, "hung up", {})
            if connection.is_at_eof or closed:
                self._forget_connection(letter)

    def _on_event(self, who: str, line: Line, event: Event) -> None:
        name, fields = event.name, dict(event.fields)
        if name in ("Basic.Ack", "Basic.Nack"):
            self._on_confirm(who, line, event)
            return
        if name in ("Basic.Deliver", "Basic.GetOk"):
            tag = fields.pop("delivery_tag")
            if tag != line.last_tag + 1:
                self._note(who, "tags are not consecutive", {"tag": tag, "last": line.last_tag})
            line.last_tag = tag
        if event.properties is not None:
            fields |= {"body": show(event.body), "properties": _without_times(event.properties)}
        if name == "Basic.Deliver":
            queue, no_ack = line.consumers.get(fields["consumer_tag"], ("?", True))
            source = queue.removeprefix(self.prefix)
            if queue in self.quorum_queues:
                source += f" to {fields['consumer_tag']}"
            if not no_ack:
                line.unacked[tag] = source
            self._note(f"{who} from {source}", name, fields)
            return
        if name == "Basic.Cancel":
            line.consumers.pop(fields["consumer_tag"], None)
            self._note(f"{who} cancels", name, fields)
            self.events[f"{who} cancels"].sort(key=str)
            return
        if name == "Queue.DeclareOk" and fields["queue"] in self.quorum_queues:
            fields["consumer_count"] = "*"
        self._note(who, name, fields)
        if name == "Channel.Close":
            del self.lines[who]

    def _on_confirm(self, who: str, line: Line, event: Event) -> None:
        open_ = line.unconfirmed or set()
        tag = event.tag
        settled = {tag}
        if event["multiple"]:
            settled = {seqno for seqno in open_ if seqno <= tag or tag == 0}
        if not settled <= open_:
            self._note(who, "confirmed twice", {"seqno": tag})
        open_ -= settled
        confirms = self.events.setdefault(f"{who} {event.name}", [])
        confirms[:] = sorted([*confirms, *settled])

    def _note(self, who: str, name: str, fields: dict[str, Any]) -> None:
        self.events.setdefault(who, []).append([name, fields])

    # watching

    def observe(self) -> Observation:
        """What this step has brought so far, when the broker seems to have come to rest."""
        seen = self._look()
        same = 1
        for _ in range(ROUNDS_MAX):
            now = self._look()
            same = same + 1 if now == seen else 1
            seen = now
            if same >= ROUNDS_MIN:
                break
        return seen

    def _look(self) -> Observation:
        self._take_in()  # a channel that is known to be closed is asked nothing
        self._barriers()
        self._take_in()
        counts = self._counts()
        self._take_in()
        return {who: list(events) for who, events in sorted(self.events.items())} | {
            "queues": counts
        }

    def _barriers(self) -> None:
        """Return when every channel has told all that it knew."""
        asked = []
        for line in self.lines.values():
            line.channel.send("Exchange.Declare", exchange="amq.direct", passive=True)
            asked.append(line.channel)
        for channel in asked:
            wanted = {"Exchange.DeclareOk", "Channel.Close"}

            def found(channel: Channel = channel, wanted: set[str] = wanted) -> Event | None:
                zero = channel.connection.zero.inbox
                for event in (*channel.inbox, *zero):
                    if event.name in wanted or event.name == "Connection.Close":
                        return event
                return None

            event = channel.connection.wait(found)
            if event is None and not channel.connection.is_at_eof:
                raise EndedError(f"no barrier on {channel.who}")
            if event is not None and event.name == "Exchange.DeclareOk":
                channel.inbox.remove(event)

    def _counts(self) -> dict[str, Any]:
        """Messages and consumers of every queue there is; asked by the owner where it has one."""
        counts: dict[str, Any] = {}
        by_letter: dict[str, list[str]] = {}
        for queue, owner in self.queues.items():
            by_letter.setdefault(owner or "W", []).append(queue)
        for letter, queues in by_letter.items():
            while queues:
                queues = self._count_some(letter, queues, counts)
        return dict(sorted(counts.items()))

    def _count_some(self, letter: str, queues: list[str], counts: dict[str, Any]) -> list[str]:
        """Ask for all in one go. Returns: those behind one that closed the channel."""
        channel = self._watcher(letter)
        for queue in queues:
            channel.send("Queue.Declare", queue=queue, passive=True)
        for index, queue in enumerate(queues):
            wanted = {"Queue.DeclareOk", "Channel.Close"}
            event = self._await(channel.inbox, channel.connection, wanted)
            if event is None:
                return []
            short = queue.removeprefix(self.prefix)
            if event.name == "Channel.Close":
                del self.watchers[letter]
                if event["reply_code"] == 404:
                    del self.queues[queue]
                else:
                    counts[short] = event["reply_code"]
                return queues[index + 1 :]
            counts[short] = [event["message_count"], event["consumer_count"]]
            if queue in self.quorum_queues:
                counts[short][1] = "*"
        return []

    def _watcher(self, letter: str) -> Channel:
        """The channel from which we look, opened if need be."""
        channel = self.watchers.get(letter)
        if channel is None:
            channel = self.watchers[letter] = self._connection(letter).raw_channel(WATCH)
            self._open(channel)
        return channel

    # names

    def _named(self, value: Any, key: str = "") -> Any:
        """A step's fields with this run's names: `@q1` is the queue or exchange q1."""
        if isinstance(value, dict):
            return {key: self._named(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self._named(item) for item in value]
        if isinstance(value, str) and value.startswith("@"):
            return self.prefix + value[1:]
        return value

    def finish(self) -> None:
        """Close all, delete everything that may be there."""
        for letter in list(self.connections):
            connection = self.connections[letter]
            connection.finish()
            self._forget_connection(letter)
        self.lines.clear()
        self.target.remove([*self.queues, *self.exchanges])
        self.queues.clear()
        self.exchanges.clear()
        self.play_ = Play(self.target, self.prefix)
        self.skipped = 0
        self.ended = ""


def _ends_connection(method: str, fields: dict[str, Any], line: Line) -> bool:
    """Whether a call is against a rule that costs the connection."""
    return (
        (method == "Basic.Recover" and not fields["requeue"])
        or bool(method == "Basic.Qos" and fields.get("prefetch_size"))
        or (method == "Basic.Consume" and fields["consumer_tag"] in line.consumers)
    )


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: "T *"
            if key == "time" and isinstance(item, str) and DEATH_TIME.match(item)
            else _without_times(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_without_times(item) for item in value]
    return value
