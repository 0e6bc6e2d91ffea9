"""Random runs on RabbitMQ and on us: `python -m tests.conformance.differential --help`.

A difference that is still there when the run is played twice more is shrunk and printed as a list
of steps, which `--play FILE` plays again. `--record NAME` keeps what is played, random or not, with
RabbitMQ's answers; tests/conformance/test_differential.py plays that without RabbitMQ.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.conformance.differential.generator import EXCHANGES, QUEUES, Generator
from tests.conformance.differential.player import Player
from tests.conformance.differential.recording import Recorded, write_recording
from tests.conformance.differential.runner import Outcome, play
from tests.conformance.differential.shrink import shrink
from tests.conformance.differential.steps import Step, read_steps
from tests.conformance.wire_client import Target
from tests.support.process import BrokerProcess

RUN_STEPS = 60
AGAIN = 2  # how often a difference has to come back to be one


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Duel:
    """Two brokers; `run` plays one run on both."""

    def __init__(self, reference: Target, ours: Target, prefix: str):
        self.targets = (reference, ours)
        self.prefix = prefix

    def run(self, steps: list[Step]) -> Outcome:
        return play(steps, [Player(target, self.prefix) for target in self.targets])

    def fails(self, steps: list[Step]) -> bool:
        outcome = self.run(steps)
        return outcome.differs and not (outcome.hurried and has_waits(steps))

    def fails_again(self, steps: list[Step]) -> bool:
        return all(self.fails(steps) for _ in range(AGAIN))


def has_waits(steps: list[Step]) -> bool:
    return any(step.op == "wait" for step in steps)


def report(steps: list[Step], outcome: Outcome) -> None:
    """A difference: the run up to it, and what each side has seen in its last step."""
    assert outcome.index is not None
    for step in steps[: outcome.index + 1]:
        say(str(step))
    theirs, ours = outcome.observations
    for who in sorted({*theirs, *ours}):
        if theirs.get(who) != ours.get(who):
            say(f"  RabbitMQ {who}: {json.dumps(theirs.get(who))}")
            say(f"  ours     {who}: {json.dumps(ours.get(who))}")


def duel(options: argparse.Namespace, own: Duel) -> int:
    """Runs one after the other until there were enough steps. Returns: how many differ."""
    done = skipped = flaky = 0
    different: list[int] = []
    recorded: list[Recorded] = []
    started = time.monotonic()
    seed = options.seed
    while done < options.steps and time.monotonic() - started < options.seconds:
        steps = Generator(seed, options.length, quorum=options.quorum, timed=options.timed).steps()
        outcome = own.run(steps)
        if not outcome.differs:
            recorded.append((steps, outcome.recorded))
        done += len(steps) if outcome.index is None else outcome.index + 1
        skipped += outcome.skipped
        if outcome.differs:
            steps = steps[: outcome.index + 1]  # type: ignore[operator]
            if own.fails_again(steps):
                different.append(seed)
                if options.shrink:
                    steps = shrink(steps, own.fails, options.shrink)
                say(f"\nseed {seed} differs:")
                shorter = own.run(steps)
                report(steps, shorter if shorter.differs else outcome)
                if len(different) >= options.failures:
                    break
            else:
                flaky += 1
                say(f"\nseed {seed} differed once:")
                if options.verbose:
                    report(steps, outcome)
        seed += 1
    if options.record:
        write_recording(options.record, recorded)
    say(
        f"{done} steps ({skipped} had nothing to do), seeds {options.seed} to {seed - 1}, "
        f"{len(different)} differ {different}, {flaky} differed once, "
        f"{time.monotonic() - started:.0f} s"
    )
    return len(different)


@contextlib.contextmanager
def our_broker(port: int, settings: list[str]) -> Iterator[Target]:
    if port:
        target = Target(port)
        yield target
        target.close()
        return
    with BrokerProcess(*(flag for setting in settings for flag in ("--set", setting))) as process:
        target = Target(process.port)
        yield target
        target.close()
        if " bug: " in process.log.read_text():
            say(process.log.read_text()[-4000:])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--reference", type=int, default=5690, help="port of RabbitMQ")
    parser.add_argument("--port", type=int, default=0, help="ours; 0: a process of its own")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--length", type=int, default=RUN_STEPS, help="steps of a run")
    parser.add_argument("--set", action="append", default=[], help="of our process: KEY=VALUE")
    parser.add_argument("--quorum", type=float, help="share of quorum queues, 0 to 1")
    parser.add_argument("--timed", action=argparse.BooleanOptionalAction, help="does time pass?")
    parser.add_argument("--seconds", type=float, default=1e9, help="stop after that")
    parser.add_argument("--failures", type=int, default=1, help="stop after so many")
    parser.add_argument("--shrink", type=float, default=120, help="seconds for it; 0: do not")
    parser.add_argument("--prefix", default="differential.", help="of all names; one per process")
    parser.add_argument("--verbose", action="store_true", help="show what differed once, too")
    parser.add_argument("--play", type=Path, help="steps, one per line, instead of random ones")
    parser.add_argument("--record", metavar="NAME", help="keep what was played as recordings/NAME")
    options = parser.parse_args()
    reference = Target(options.reference)
    with our_broker(options.port, options.set) as ours:
        for target in (reference, ours):  # what a run that was broken off has left
            target.remove([options.prefix + name[1:] for name in (*QUEUES, *EXCHANGES)])
        own = Duel(reference, ours, options.prefix)
        if options.play:
            steps = read_steps(options.play.read_text("utf-8").splitlines())
            outcome = own.run(steps)
            if outcome.differs:
                report(steps, outcome)
            if options.record:
                write_recording(
                    options.record, [(steps[: len(outcome.recorded)], outcome.recorded)]
                )
            say("differs" if outcome.differs else "the same")
            result = int(outcome.differs)
        else:
            result = duel(options, own)
    reference.close()
    return 1 if result else 0


if __name__ == "__main__":
    sys.exit(main())
