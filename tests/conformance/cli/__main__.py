"""Record what RabbitMQ's tools print, or compare ours with the recordings.

python -m tests.conformance cli-record --port 5690 --api-port 15690 [--tools PREFIX] [sections…]
python -m tests.conformance cli-diff [sections…]
python -m tests.conformance cli-list

PREFIX is a command that is called with a tool's name and its arguments; without it the tools are
looked for on the PATH. RabbitMQ has to be there for these walks alone: they empty it. After a
section that stops or resets it (--last, one at a time) it has to be started again.
"""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
import time
from pathlib import Path
from typing import TextIO

from tests.conformance.cli.brokers import Answer, Ours, Reference, Walked, cleaned, our_main
from tests.conformance.cli.compare import compared, report
from tests.conformance.cli.deviations import unmeant
from tests.conformance.cli.player import play
from tests.conformance.cli.recording import read_answers, write_answers
from tests.conformance.cli.steps import Call, Section, sections


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def record(reference: Reference, walks: list[Section], raw: Path | None) -> int:
    for section in walks:
        started = time.monotonic()
        with contextlib.ExitStack() as stack:
            log: TextIO | None = None
            if raw is not None:
                raw.mkdir(parents=True, exist_ok=True)
                log = stack.enter_context((raw / f"{section.name}.txt").open("w"))
            cleaned(reference)

            def watch(label: str, call: Call, answer: Answer, log: TextIO | None = log) -> None:
                if log is not None:
                    log.write(f"$ {label}\n[{answer.code}]\n{answer.stdout}")
                    log.write(f"--- stderr\n{answer.stderr}\n" if answer.stderr else "\n")

            answers = play(reference, section, watch)
        write_answers(section.name, answers)
        say(f"{section.name}: {len(answers)} recorded, {time.monotonic() - started:.1f} s")
    return 0


def diff(walks: list[Section]) -> int:
    main = our_main()
    if main is None:
        say("there are no tools yet")
        return 1
    different = 0
    for section in walks:
        recorded = read_answers(section.name)
        with Walked() as process:
            found = compared(section.name, recorded, play(Ours(process, main), section))
        left = unmeant(found)
        different += len(left)
        cases = len({difference.label for difference in left})
        say(f"{section.name}: {len(recorded)} calls, {cases} differ")
        if left:
            say(report(left))
    return 1 if different else 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("action", choices=("cli-record", "cli-diff", "cli-list"))
    known = sections()
    parser.add_argument("sections", nargs="*", choices=[[], *known])
    parser.add_argument("--port", type=int, default=5690)
    parser.add_argument("--api-port", type=int, default=15690)
    parser.add_argument("--tools", default="env", metavar="PREFIX")
    parser.add_argument("--raw", type=Path, help="a directory for what came, as it came")
    options = parser.parse_intermixed_args(arguments)
    named = bool(options.sections)
    walks = [known[name] for name in options.sections or known]
    if options.action == "cli-list":
        for walk in walks:
            say(f"{walk.name:20} {len(walk.calls()):4}{'  last' if walk.is_last else ''}")
        say(str(sum(len(walk.calls()) for walk in walks)))
        return 0
    if options.action == "cli-diff":
        return diff(walks)
    walks = [walk for walk in walks if named or not walk.is_last]
    reference = Reference(options.port, options.api_port, shlex.split(options.tools))
    return record(reference, walks, options.raw)


if __name__ == "__main__":
    sys.exit(main())
