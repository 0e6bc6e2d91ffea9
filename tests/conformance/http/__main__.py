"""Record RabbitMQ's answers, compare any broker with them, or two brokers with each other.

python -m tests.conformance.http --record --port 5690 --api-port 15690 [--alone] [sections…]
python -m tests.conformance.http --live --port 5672 --api-port 15672 [sections…]
python -m tests.conformance.http --live --port 5672 --api-port 15672 --against 5690:15690
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.conformance.__main__ import alone_on, say
from tests.conformance.http.compare import Difference, compared
from tests.conformance.http.deviations import unmeant
from tests.conformance.http.player import play
from tests.conformance.http.recording import read_answers, write_answers
from tests.conformance.http.report import report
from tests.conformance.http.sections import SECTIONS
from tests.conformance.http.stage import Broker, users

REFERENCE_SETTLE_S = 7.0  # RabbitMQ collects every 5 s


def record(broker: Broker, names: list[str]) -> int:
    for name in names:
        started = time.monotonic()
        answers = play(broker, SECTIONS[name])
        write_answers(name, answers)
        silent = [case for case, answer in answers.items() if not answer["status"]]
        say(f"{name}: {len(answers)} recorded, {time.monotonic() - started:.1f} s")
        for case in silent:
            say(f"  no answer: {case}")
    return 0


def live(broker: Broker, names: list[str], against: Broker | None, path: Path | None) -> int:
    found: list[Difference] = []
    total = 0
    for name in names:
        started = time.monotonic()
        recorded = read_answers(name) if against is None else play(against, SECTIONS[name])
        answers = play(broker, SECTIONS[name], recorded)
        total += len(answers)
        here = unmeant(compared(name, recorded, answers))
        found += here
        different = len({difference.case for difference in here})
        seconds = time.monotonic() - started
        say(f"{name}: {len(answers)} cases, {different} differ, {seconds:.1f} s")
    text = report(found, total)
    if path is None:
        say(text)
    else:
        path.write_text(text, "utf-8")
    return 1 if found else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.http", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--record", action="store_true")
    action.add_argument("--live", action="store_true")
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS])
    parser.add_argument("--port", type=int, default=5690)
    parser.add_argument("--api-port", type=int, default=15690)
    parser.add_argument("--against", help="AMQP:HTTP ports of a broker instead of the recording")
    parser.add_argument("--alone", action="store_true", help="nobody else uses the broker")
    parser.add_argument("--settle", type=float, default=REFERENCE_SETTLE_S, metavar="S")
    parser.add_argument("--report", type=Path, help="write the differences to a file")
    options = parser.parse_intermixed_args()
    names = list(options.sections or SECTIONS)
    if not options.alone:
        names = [name for name in names if not SECTIONS[name].is_alone]
    broker = Broker(options.port, options.api_port, options.settle)
    against = None
    if options.against:
        ports = [int(port) for port in options.against.split(":")]
        against = Broker(*ports, REFERENCE_SETTLE_S)
    with alone_on(broker.target), users(broker):
        if options.record:
            return record(broker, names)
        if against is None:
            return live(broker, names, None, options.report)
        with users(against):
            return live(broker, names, against, options.report)


if __name__ == "__main__":
    sys.exit(main())
