"""What a case talks through: it asks one method at a time and hears the outcome as a line.

"ok" is the method's -Ok, "406 PRECONDITION_FAILED - …" a closed channel, "!541 …" a closed
connection, "!closed" one that was hung up. A refused channel is opened anew for the next question.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.conformance.fixtures import PASSWORD
from tests.conformance.wire_client import Channel, Connection, EndedError, Event, Play, Target

NUMBERS = itertools.count(1)  # of names: sections may be played side by side
GENERATED = re.compile(r"amq\.gen-[\w-]{22}")


class Unwritten(Play):
    """Of its transcript only the last event is kept: there are thousands."""

    def record(self, who: str, direction: str, name: str, fields: dict[str, Any]) -> None:
        self.events = [[who, direction, name, fields]]

    def last(self) -> dict[str, Any]:
        """The fields of the last event."""
        fields: dict[str, Any] = self.events[-1][3]
        return fields


class Talk:
    """One user's connection. Whatever was refused or hung up is opened anew when it is needed."""

    def __init__(self, target: Target, user: str = "guest"):
        self.target = target
        self.user = user
        self._play: Unwritten | None = None
        self._connection: Connection | None = None
        self._channel: Channel | None = None

    @property
    def channel(self) -> Channel:
        connection = self._connection
        if connection is None or not connection.is_open:
            self.close()
            self._play = Unwritten(self.target, "matrix")
            password = "guest" if self.user == "guest" else PASSWORD
            connection = self._connection = self._play.connection(user=self.user, password=password)
        if self._channel is None:
            self._channel = connection.channel(1)
        return self._channel

    def fresh(self) -> None:
        """Let the next question begin on a channel that holds nothing."""
        if self._channel is not None:
            self.ask("Channel.Close", reply_code=200)
            if self._channel is not None:
                self._channel.inbox.clear()
            self._channel = None

    def ask(self, method: str, **fields: Any) -> str:
        """Returns: the outcome; of an answer that says something more, that as well."""
        return self.heard(lambda channel: channel.send(method, **fields))

    def tell(self, method: str, **fields: Any) -> str:
        """A method without an answer. Returns: "ok" if the channel still stands."""

        def say(channel: Channel) -> None:
            channel.send(method, **fields)
            channel.send("Exchange.Declare", exchange="amq.direct", passive=True)

        return self.heard(say)

    def heard(self, say: Callable[[Channel], None]) -> str:
        channel = self.channel
        assert self._play is not None
        try:
            say(channel)
            event = channel.reply()
        except EndedError:
            end = self._play.events[-1][2]
            self._channel = None
            if self._connection is not None and end != "closed":
                self._connection.drop()
            return f"!{end}"
        return self._outcome(event)

    def _outcome(self, event: Event) -> str:
        if event.name in ("Channel.Close", "Connection.Close"):
            self._channel = None
            sign = "!" if event.name == "Connection.Close" else ""
            return GENERATED.sub("amq.gen-#", f"{sign}{event['reply_code']} {event['reply_text']}")
        if event.name in ("Basic.GetOk", "Basic.GetEmpty"):
            return event.name
        return "ok"

    def last(self) -> dict[str, Any]:
        """The fields of the last answer."""
        assert self._play is not None
        return self._play.last()

    def close(self) -> None:
        if self._play is not None:
            with contextlib.suppress(OSError):
                self._play.finish()
        self._play = self._connection = self._channel = None


class Talks:
    """The connections of a run, one per user."""

    def __init__(self, target: Target):
        self._target = target
        self._talks: dict[str, Talk] = {}

    def __getitem__(self, user: str) -> Talk:
        return self._talks.setdefault(user, Talk(self._target, user))

    @property
    def guest(self) -> Talk:
        return self["guest"]

    @property
    def other(self) -> Talk:
        """Guest's other connection."""
        return self._talks.setdefault("", Talk(self._target))

    def name(self) -> str:
        """Of a new queue or exchange; all are equally long, for texts are cut at 255 octets."""
        return f"matrix-{next(NUMBERS):06}"

    def close(self) -> None:
        for talk in self._talks.values():
            talk.close()


@dataclass(frozen=True)
class Case:
    """One conversation, found by its group and its variant in it.

    play: is given a name of the case's own. Returns: the outcome. about: a word that the outcome
    is told without, so that what differs in nothing else is kept once.
    """

    group: str
    variant: str
    play: Callable[[Talks, str], str]
    about: str = ""

    @property
    def label(self) -> Label:
        return self.group, self.variant


Label = tuple[str, str]


def outcomes(target: Target, cases: Iterable[Case]) -> dict[Label, str]:
    """Play all. Returns: what came of each, with {name} and {about} in their places."""
    talks = Talks(target)
    found: dict[Label, str] = {}
    try:
        for case in cases:
            assert case.label not in found, f"two cases are called {case.label}"
            name = talks.name()
            outcome = case.play(talks, name).replace(name, "{name}")
            if case.about:
                outcome = outcome.replace(f"'{case.about}'", "'{about}'")
            found[case.label] = outcome
    finally:
        talks.close()
    return found
