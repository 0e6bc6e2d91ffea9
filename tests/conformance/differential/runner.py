"""Plays a run in lock-step on two brokers, or on one against what was recorded.

After each step both are asked until they say the same; what does not agree within `PATIENCE_S` is
a difference. Time only passes in steps of "wait": messages that are to expire live `SHORT_MS`, and
what lies between two waits must take less than that, or the run proves nothing (`hurried`).
"""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.conformance.differential.player import Observation, Player
from tests.conformance.differential.steps import Step
from tests.conformance.wire_client import EndedError

PATIENCE_S = 1.5
SHORT_MS = 200  # what expires does so after this
BURST_S = 0.14  # what may pass between two waits
NAP_S = 0.3  # a wait takes naps until one brings nothing new
NAPS_MAX = 8


@dataclass
class Outcome:
    """What became of a run. index: of the step that differs; None: none does."""

    index: int | None = None
    observations: list[Observation] = field(default_factory=list)  # of the difference, by side
    recorded: list[Observation] = field(default_factory=list)  # step by step, of the first side
    hurried: bool = False  # the difference may be due to time that passed where it should not
    skipped: int = 0

    @property
    def differs(self) -> bool:
        return self.index is not None


def play(
    steps: list[Step], players: list[Player], *, until: Callable[[], bool] | None = None
) -> Outcome:
    """Play on all sides. until: asked before each step whether to stop, for a run out of time."""
    outcome = Outcome()
    begun = time.monotonic()
    try:
        for index, step in enumerate(steps):
            observations = _step(step, players)
            outcome.recorded.append(observations[0])
            took = time.monotonic() - begun
            if step.op == "wait":
                begun = time.monotonic()
            elif took > BURST_S:
                outcome.hurried = True
            if any(other != observations[0] for other in observations[1:]):
                outcome.index, outcome.observations = index, observations
                break
    finally:
        outcome.skipped = players[0].skipped
        for player in players:
            player.finish()
    return outcome


def replay(steps: list[Step], recorded: list[Observation], player: Player) -> Outcome:
    """Play on one side; what it sees must be what was recorded."""
    outcome = Outcome()
    try:
        for index, (step, expected) in enumerate(zip(steps, recorded, strict=True)):
            observed = _step(step, [player], expected)[0]
            if observed != expected:
                outcome.index, outcome.observations = index, [expected, observed]
                break
    finally:
        player.finish()
    return outcome


def _step(
    step: Step, players: list[Player], expected: Observation | None = None
) -> list[Observation]:
    for player in players:
        player.next_step()
        _guarded(player, lambda player=player: player.play(step))
    if step.op == "wait":
        _nap(players)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        observations = [_observed(player) for player in players]
        wanted = expected if expected is not None else observations[0]
        if all(observation == wanted for observation in observations):
            return observations
        if time.monotonic() > deadline:
            return observations
        time.sleep(0.005)


def _nap(players: list[Player]) -> None:
    """Let time pass until nothing more comes of it. Between two looks nobody touches a queue."""
    seen = [_observed(player) for player in players]
    for _ in range(NAPS_MAX):
        time.sleep(NAP_S)
        now = [_observed(player) for player in players]
        if now == seen:
            return
        seen = now


def _observed(player: Player) -> Observation:
    observation: Observation = {}

    def look() -> None:
        observation.update(player.observe())

    _guarded(player, look)
    if player.ended:
        observation["ended"] = player.ended
    return json.loads(json.dumps(observation))  # type: ignore[no-any-return]


def _guarded(player: Player, act: Callable[[], None]) -> None:
    """A broker that does not answer is an observation, too."""
    try:
        act()
    except (EndedError, OSError, LookupError, ValueError, struct.error) as error:
        player.ended = repr(error)
