"""Record RabbitMQ's outcomes, compare any broker with them.

python -m tests.conformance.matrix record  --port 5690 --api-port 15690 [sections…]
python -m tests.conformance.matrix compare --port 5672 [sections…]
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.conformance.__main__ import alone_on, say
from tests.conformance.fixtures import users
from tests.conformance.matrix.sections import (
    SECTIONS,
    deviating,
    differences,
    read_outcomes,
    write_outcomes,
)
from tests.conformance.matrix.talk import outcomes
from tests.conformance.wire_client import Target


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.matrix", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("action", choices=("record", "compare"))
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5690)
    parser.add_argument("--api-port", type=int, help="HTTP API, for the sections that need users")
    parser.add_argument("--exact", action="store_true", help="compare: deviations are differences")
    options = parser.parse_intermixed_args()
    target = Target(options.port, options.host, options.api_port)
    failed = 0
    with alone_on(target), users(target) as has_users:
        for name in options.sections or SECTIONS:
            if SECTIONS[name].needs_users and not has_users:
                say(f"{name}: skipped, it needs users")
                continue
            started = time.monotonic()
            found = outcomes(target, SECTIONS[name].cases())
            seconds = time.monotonic() - started
            if options.action == "record":
                write_outcomes(name, found)
                say(f"{name}: {len(found)} recorded, {seconds:.1f} s")
                continue
            lines = differences(name, read_outcomes(name), found, exact=options.exact)
            failed += len(lines)
            deviations = deviating(name, read_outcomes(name))
            counts = f"{len(found)} cases, {deviations} deviations, {len(lines)} differences"
            say("\n".join([*lines, f"{name}: {counts}, {seconds:.1f} s"]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
