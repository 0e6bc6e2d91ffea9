"""Record what `rabbitmqadmin` says to a RabbitMQ that has nothing but what a new one has; what is
left of an earlier recording that was broken off is deleted.

    python -m tests.conformance.rabbitmqadmin --port 5672 --http-port 15672

Its statistics should be quick: collect_statistics_interval = 1000.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.conformance.rabbitmqadmin.playing import play
from tests.conformance.rabbitmqadmin.recorded import RECORDED
from tests.conformance.rabbitmqadmin.steps import OTHER, USER, VHOST
from tests.conformance.rabbitmqadmin.tool import Tool

LEFT = (
    ("vhost", VHOST),
    ("vhost", OTHER),
    *(("user", name) for name in (USER, "rmqa-hash", "rmqa-md5")),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.rabbitmqadmin")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        tool = Tool(Path(directory), options.http_port)
        for kind, name in LEFT:
            tool.run("-q", "delete", kind, f"name={name}")
        said = play(Path(directory), options.port, options.http_port, is_slow=True)
    RECORDED.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")
    sys.stdout.write(f"recorded {len(said)} steps\n")


main()
