"""Random runs: a few names, connections and channels, so that things collide.

A run is generated from its seed alone, knowing nothing of what the brokers answer; a rough idea of
what there should be (`_Plan`) keeps most steps meaningful. Each run has a character of its own
(`Profile`): which features its queues have, and whether time plays a part in it.

What is left out, because RabbitMQ gives no fixed answer to it:

* A limit for the whole channel (global qos) with consumers of several queues: who gets the room
  that an ack makes is drawn by lot. Channels with number 3 have global qos and one queue.
* x-expires on quorum queues: looked at every five seconds only.
* Overflow reject-publish on quorum queues: the publishing channel hears of it later, and whatever
  it has sent until then is let in.
* What expires in priority queues: RabbitMQ looks at the head only when something is published to
  an empty queue, so that one that has a higher priority and has expired is delivered all the same.
* In one go (`burst`) only what one channel says, for between channels there is no order; not to
  quorum queues, where a get may overtake a publish; and without priorities: RabbitMQ hands out
  each message as it comes, we the most important first.
  Nothing in it closes the channel: RabbitMQ may have handed out by then what we have not.
  Nothing settles `multiple` in it: what has just been rejected may have come again by then.
  No purge is in it: of what a lazy queue has just been given RabbitMQ then confirms nothing.
* A name that is a classic queue first and a quorum queue later: a channel that remembers the former
  ends with 541 INTERNAL_ERROR when it consumes from the latter. That is a crash.
* Many messages at once to several queues with limits that dead-letter into each other: those work
  at the same time, so that what is too much where is a matter of luck. So is whether what dies in
  one go with gets and publishes comes before those, and what dies in a classic queue with a limit
  before what the same exchange gives to a quorum queue.
* Time that passes within a step or two: what is timed lives 200 ms, and every few steps of such a
  run there is a wait until nothing changes any more.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.conformance.differential.runner import SHORT_MS
from tests.conformance.differential.steps import Step

QUEUES = ("@q1", "@q2", "@q3", "@q4", "@q5")
EXCHANGES = ("@x1", "@x2", "@x3", "@x4")
KEYS = ("k", "k.a", "k.a.b", "other", "")
PATTERNS = ("k", "k.*", "k.#", "#", "*.a", "*.*.b", "#.b", "other", "")
CHANNELS = ("A1", "A2", "B1", "B2", "C1")
GLOBAL_CHANNELS = {"A3": "@q1", "B3": "@q2"}  # with the one queue that each consumes from
TAGS = ("c1", "c2", "c3")
LONG_MS = 600_000
BURST_STEPS = 4  # between two waits
UNKNOWN_TAG = 1_000_000


@dataclass
class Profile:
    """What a run is about: probabilities of features, by draw."""

    timed: bool
    quorum: float
    dead_letters: float
    limits: float
    priorities: float
    single_active: float
    transactions: bool
    plain: bool  # no features at all: the fast paths


def draw_profile(draw: random.Random) -> Profile:
    profile = Profile(
        timed=draw.random() < 0.25,
        quorum=draw.choice((0, 0, 0.15, 0.6)),
        dead_letters=draw.choice((0, 0.3, 0.8)),
        limits=draw.choice((0, 0.2, 0.6)),
        priorities=draw.choice((0, 0, 0.4)),
        single_active=draw.choice((0, 0, 0.3)),
        transactions=draw.random() < 0.25,
        plain=draw.random() < 0.15,
    )
    profile.timed = profile.timed and not profile.priorities
    return profile


@dataclass
class _Plan:
    """What there should be by now."""

    queues: dict[str, dict[str, Any]] = field(default_factory=dict)  # name: declaration
    exchanges: dict[str, dict[str, Any]] = field(default_factory=dict)
    bindings: list[dict[str, Any]] = field(default_factory=list)
    consumers: dict[str, list[str]] = field(default_factory=dict)  # channel: tags
    selected: dict[str, str] = field(default_factory=dict)  # channel: "confirm" or "tx"


class Generator:
    """One run. `steps()` may be called once."""

    def __init__(
        self, seed: int, length: int, *, quorum: float | None = None, timed: bool | None = None
    ):
        """quorum: the share of quorum queues; timed: whether time passes; None: by draw."""
        self.draw = random.Random(seed)
        self.length = length
        self.profile = draw_profile(self.draw)
        if quorum is not None:
            self.profile.quorum = quorum
        if timed is not None:
            self.profile.timed = timed and not self.profile.priorities
        self.plan = _Plan()
        self.body = 0
        self.is_quorum = {name: self._likely(self.profile.quorum) for name in QUEUES}
        self.acts = self._weights()

    def steps(self) -> list[Step]:
        """All of them: a beginning, the middle, and what brings everything to light."""
        steps = [self._declare_exchange() for _ in range(self.draw.randint(1, 4))]
        steps += [self._declare_queue() for _ in range(self.draw.randint(2, 5))]
        steps += [self._bind() for _ in range(self.draw.randint(1, 6))]
        if self.profile.timed:
            steps.append(Step("", "wait", {}))
        while len(steps) < self.length:
            if self.profile.timed and len(steps) % (BURST_STEPS + 1) == 0:
                steps.append(Step("", "wait", {}))
            (act,) = self.draw.choices(list(self.acts), list(self.acts.values()))
            steps.append(act())
        return steps + self._ending()

    def _weights(self) -> dict[Callable[[], Step], float]:
        transactions = 1.0 if self.profile.transactions else 0.0
        return {
            self._publish: 30,
            self._burst: 0.0 if self.profile.quorum else 5,
            self._get: 11,
            self._settle: 16,
            self._consume: 8,
            self._cancel: 3,
            self._qos: 3,
            self._declare_queue: 5,
            self._declare_exchange: 2,
            self._delete: 2,
            self._bind: 4,
            self._unbind: 2,
            self._purge: 1,
            self._recover: 1,
            self._confirm_select: 2,
            self._tx_select: 2 * transactions,
            self._tx_end: 6 * transactions,
            self._close_channel: 2,
            self._end_connection: 1.2,
            self._break_a_rule: 0.5,
        }

    def _ending(self) -> list[Step]:
        """Everything that is unacked comes back; then every queue is emptied."""
        steps = [Step("", "wait", {})] if self.profile.timed else []
        steps += [Step(who, "close", {}) for who in (*CHANNELS, *GLOBAL_CHANNELS)]
        if self.profile.timed:
            steps.append(Step("", "wait", {}))
        for queue in QUEUES:
            for letter in "A" if queue not in self.plan.queues else "ABC":
                steps.append(Step(f"{letter}5", "drain", {"queue": queue}))
        return steps

    # what to speak of

    def _who(self) -> str:
        return self.draw.choice((*CHANNELS, *CHANNELS, *GLOBAL_CHANNELS))

    def _queue(self) -> str:
        """One there should be, mostly."""
        if self.plan.queues and self.draw.random() < 0.97:
            return self.draw.choice(list(self.plan.queues))
        return self.draw.choice(QUEUES)

    def _exchange(self) -> str:
        if self.plan.exchanges and self.draw.random() < 0.97:
            return self.draw.choice(list(self.plan.exchanges))
        return self.draw.choice(EXCHANGES)

    def _call(self, method: str, who: str = "", **fields: Any) -> Step:
        return Step(who or self._who(), "call", {"method": method, **fields})

    def _likely(self, probability: float) -> bool:
        return self.draw.random() < probability

    # definitions

    def _declare_queue(self) -> Step:
        name = self.draw.choice(QUEUES)
        known = self.plan.queues.get(name)
        if known is not None and self._likely(0.8):
            if self._likely(0.3):
                return self._call("Queue.Declare", queue=name, passive=True)
            return self._call("Queue.Declare", **known)
        declaration: dict[str, Any] = {"queue": name}
        arguments = self._queue_arguments(name)
        quorum = arguments.get("x-queue-type") == "quorum"
        if quorum or self._likely(0.4):
            declaration["durable"] = True
        if not quorum and self._likely(0.1):
            declaration["auto_delete"] = True
        if not quorum and self._likely(0.07):
            declaration["exclusive"] = True
        if arguments:
            declaration["arguments"] = arguments
        self.plan.queues.setdefault(name, declaration)
        return self._call("Queue.Declare", **declaration)

    def _queue_arguments(self, name: str) -> dict[str, Any]:
        profile, draw = self.profile, self.draw
        arguments: dict[str, Any] = {}
        if profile.plain:
            return arguments
        quorum = self.is_quorum[name]
        if quorum:
            arguments["x-queue-type"] = "quorum"
            if self._likely(0.4):
                arguments["x-delivery-limit"] = draw.choice((0, 1, 2, 3))
        if self._likely(0.4 if profile.timed else 0.1):
            arguments["x-message-ttl"] = draw.choice(self._lifetimes())
        if not quorum and self._likely(0.1):
            arguments["x-expires"] = SHORT_MS if profile.timed else LONG_MS
        if self._likely(profile.limits):
            arguments |= self._limits(quorum)
        is_limited = "x-max-length" in arguments or "x-max-length-bytes" in arguments
        races = is_limited and profile.quorum and not quorum
        if not races and self._likely(profile.dead_letters):
            arguments["x-dead-letter-exchange"] = draw.choice(("", "", *EXCHANGES))
            if self._likely(0.6):
                arguments["x-dead-letter-routing-key"] = draw.choice((*QUEUES, *KEYS))
        if not quorum and self._likely(profile.priorities):
            arguments["x-max-priority"] = draw.choice((1, 3, 10))
        if self._likely(profile.single_active):
            arguments["x-single-active-consumer"] = True
        if not quorum and self._likely(0.1):
            arguments["x-queue-mode"] = draw.choice(("lazy", "default"))
        return arguments

    def _lifetimes(self) -> tuple[int, ...]:
        if self.profile.priorities:
            return (LONG_MS,)
        return (SHORT_MS, SHORT_MS, LONG_MS, 0) if self.profile.timed else (LONG_MS, LONG_MS, 0)

    def _limits(self, quorum: bool) -> dict[str, Any]:
        draw = self.draw
        limits: dict[str, Any] = {}
        if self._likely(0.7):
            limits["x-max-length"] = draw.choice((0, 1, 2, 3, 5, 8))
        else:
            limits["x-max-length-bytes"] = draw.choice((0, 10, 40, 200, 2000))
        if self._likely(0.6):
            overflows = ("drop-head", "reject-publish", "reject-publish-dlx")
            limits["x-overflow"] = "drop-head" if quorum else draw.choice(overflows)
        return limits

    def _declare_exchange(self) -> Step:
        name = self.draw.choice(EXCHANGES)
        known = self.plan.exchanges.get(name)
        if known is not None and self._likely(0.8):
            return self._call("Exchange.Declare", **known)
        kind = self.draw.choice(("direct", "fanout", "topic", "headers"))
        declaration: dict[str, Any] = {"exchange": name, "type": kind}
        for flag, probability in (("durable", 0.4), ("auto_delete", 0.15), ("internal", 0.07)):
            if self._likely(probability):
                declaration[flag] = True
        if self._likely(0.2):
            declaration["arguments"] = {"alternate-exchange": self.draw.choice(EXCHANGES)}
        self.plan.exchanges.setdefault(name, declaration)
        return self._call("Exchange.Declare", **declaration)

    def _delete(self) -> Step:
        if self._likely(0.35):
            name = self._exchange()
            self.plan.exchanges.pop(name, None)
            return self._call("Exchange.Delete", exchange=name, if_unused=self._likely(0.3))
        name = self._queue()
        flag = self.draw.choice(({}, {}, {"if_unused": True}, {"if_empty": True}))
        self.plan.queues.pop(name, None)
        return self._call("Queue.Delete", queue=name, **flag)

    def _bind(self) -> Step:
        source = self._exchange()
        kind = self.plan.exchanges.get(source, {}).get("type", "direct")
        binding: dict[str, Any] = {}
        if self._likely(0.2):
            binding |= {"method": "Exchange.Bind", "destination": self._exchange()}
            binding["source"] = source
        else:
            binding |= {"method": "Queue.Bind", "queue": self._queue(), "exchange": source}
        binding["routing_key"] = self.draw.choice(PATTERNS if kind == "topic" else KEYS)
        if self._likely(0.2):
            binding["routing_key"] = self.draw.choice(QUEUES)
        if kind == "headers":
            binding["arguments"] = self._binding_arguments()
        self.plan.bindings.append(binding)
        return Step(self._who(), "call", dict(binding))

    def _binding_arguments(self) -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        if self._likely(0.8):
            arguments["x-match"] = self.draw.choice(("all", "any", "all-with-x", "any-with-x"))
        for name in ("h1", "h2", "x-h"):
            if self._likely(0.5):
                arguments[name] = self.draw.choice((1, 2, "one", True))
        return arguments

    def _unbind(self) -> Step:
        if not self.plan.bindings:
            return self._bind()
        binding = dict(self.draw.choice(self.plan.bindings))
        binding["method"] = str(binding["method"]).replace("Bind", "Unbind")
        return Step(self._who(), "call", binding)

    def _purge(self) -> Step:
        return self._call("Queue.Purge", queue=self._queue())

    # messages

    def _publish(self) -> Step:
        draw = self.draw
        self.body += 1
        fields: dict[str, Any] = {"body": f"m{self.body}"}
        if self._likely(0.5):
            fields |= {"exchange": "", "routing_key": self._queue()}
        else:
            fields |= {"exchange": self._exchange(), "routing_key": draw.choice((*KEYS, *QUEUES))}
        if self._likely(0.2):
            fields["mandatory"] = True
        to_several = fields["exchange"] and self.profile.dead_letters and self.profile.limits
        if not to_several and self._likely(0.25):
            fields["count"] = draw.choice((2, 3, 5, 12))
        if self._likely(0.25):
            fields["size"] = draw.choice((10, 100, 1000, 5000))
        properties = self._properties()
        if properties:
            fields["properties"] = properties
        return Step(self._who(), "publish", fields)

    def _properties(self) -> dict[str, Any]:
        draw, profile = self.draw, self.profile
        properties: dict[str, Any] = {}
        if self._likely(0.4):
            properties["delivery_mode"] = draw.choice((1, 2))
        if self._likely(profile.priorities):
            properties["priority"] = draw.choice((0, 1, 2, 3, 5, 11, 255))
        if self._likely(0.3 if profile.timed else 0.03):
            properties["expiration"] = str(draw.choice(self._lifetimes()))
        if self._likely(0.1):
            properties["message_id"] = f"id{self.body}"
        headers = self._headers()
        if headers:
            properties["headers"] = headers
        return properties

    def _headers(self) -> dict[str, Any]:
        draw = self.draw
        headers: dict[str, Any] = {}
        if self._likely(0.35):
            for name in ("h1", "h2", "x-h"):
                if self._likely(0.5):
                    headers[name] = draw.choice((1, 2, "one", True))
        for name in ("CC", "BCC"):
            if self._likely(0.07):
                headers[name] = draw.sample((*KEYS, *QUEUES), draw.randint(1, 2))
        return headers

    def _get(self) -> Step:
        return self._call("Basic.Get", queue=self._queue(), no_ack=self._likely(0.35))

    def _settle(self) -> Step:
        fields: dict[str, Any] = {"pick": self.draw.randint(0, 7)}
        if self._likely(0.02):
            fields = {"delivery_tag": UNKNOWN_TAG}
        method = self.draw.choice(("Basic.Ack", "Basic.Ack", "Basic.Nack", "Basic.Reject"))
        if method != "Basic.Reject" and self._likely(0.3):
            fields["multiple"] = True
            if self._likely(0.2):
                fields = {"delivery_tag": 0, "multiple": True}
        if method != "Basic.Ack":
            fields["requeue"] = self._likely(0.5)
        return Step(self._who(), "settle", {"method": method, **fields})

    def _burst(self) -> Step:
        """Several acts of a channel at once, so that a broker meets them in one go."""
        who = self._who()
        makers = [self._publish, self._publish]
        if not (self.profile.dead_letters and self.profile.limits):
            makers.append(self._get)
        if not self.profile.dead_letters:
            makers.append(self._settle)
        acts = [self.draw.choice(makers)() for _ in range(self.draw.randint(2, 8))]
        for act in acts:
            act.fields.get("properties", {}).pop("priority", None)
            if act.op == "publish":
                act.fields.update(exchange="", routing_key=self._queue())
            elif act.op == "settle":
                act.fields.pop("multiple", None)
                act.fields["pick"] = act.fields.pop("delivery_tag", act.fields.get("pick", 0))
        return Step(who, "burst", {"acts": [[act.op, act.fields] for act in acts]})

    def _consume(self) -> Step:
        who = self._who()
        fields: dict[str, Any] = {"queue": GLOBAL_CHANNELS.get(who) or self._queue()}
        tags = self.plan.consumers.setdefault(who, [])
        free = [tag for tag in TAGS if tag not in tags]
        fields["consumer_tag"] = self.draw.choice(free or TAGS) if self._likely(0.97) else "c1"
        tags.append(fields["consumer_tag"])
        fields["no_ack"] = self._likely(0.25)
        if self._likely(0.06):
            fields["exclusive"] = True
        if self._likely(0.2):
            fields["arguments"] = {"x-priority": self.draw.choice((-1, 0, 1, 5))}
        return self._call("Basic.Consume", who, **fields)

    def _cancel(self) -> Step:
        running = [(who, tag) for who, tags in self.plan.consumers.items() for tag in tags]
        if not running:
            return self._consume()
        who, tag = self.draw.choice(running)
        self.plan.consumers[who] = [other for other in self.plan.consumers[who] if other != tag]
        return self._call("Basic.Cancel", who, consumer_tag=tag)

    def _qos(self) -> Step:
        who = self._who()
        count = self.draw.choice((0, 1, 1, 2, 3, 10))
        return self._call("Basic.Qos", who, prefetch_count=count, global_=who in GLOBAL_CHANNELS)

    def _recover(self) -> Step:
        return self._call("Basic.Recover", requeue=True)

    def _confirm_select(self) -> Step:
        who = self._who()
        if self.plan.selected.setdefault(who, "confirm") != "confirm" and self._likely(0.9):
            return self._publish()
        return self._call("Confirm.Select", who)

    def _tx_select(self) -> Step:
        who = self._who()
        if self.plan.selected.setdefault(who, "tx") != "tx" and self._likely(0.9):
            return self._publish()
        return self._call("Tx.Select", who)

    def _tx_end(self) -> Step:
        inside = [who for who, kind in self.plan.selected.items() if kind == "tx"]
        if not inside:
            return self._tx_select()
        method = self.draw.choice(("Tx.Commit", "Tx.Commit", "Tx.Rollback"))
        return self._call(method, self.draw.choice(inside))

    # the end of channels and connections

    def _close_channel(self) -> Step:
        who = self._who()
        self._forget(who)
        return Step(who, "close", {})

    def _end_connection(self) -> Step:
        letter = self.draw.choice("AABC")
        for who in (*CHANNELS, *GLOBAL_CHANNELS):
            if who[0] == letter:
                self._forget(who)
        return Step(letter, self.draw.choice(("close", "drop")), {})

    def _forget(self, who: str) -> None:
        self.plan.consumers.pop(who, None)
        self.plan.selected.pop(who, None)

    def _break_a_rule(self) -> Step:
        """What ends a channel or a connection."""
        who = self._who()
        self._forget(who)
        return self.draw.choice(
            (
                self._call("Basic.Recover", who, requeue=False),
                Step(who, "publish", {"exchange": "", "routing_key": "k", "body": "immediate"}),
                self._call("Basic.Qos", who, prefetch_size=1),
                self._call("Basic.Get", who, queue="@nowhere"),
                Step(who, "publish", {"exchange": "@nowhere", "routing_key": "", "body": "lost"}),
                self._call("Tx.Commit", who),
                self._call("Queue.Declare", who, queue="amq.own"),
            )
        )
