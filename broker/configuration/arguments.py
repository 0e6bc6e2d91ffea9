"""What can be said on the command line of `leveret`."""

from __future__ import annotations

import argparse
from pathlib import Path

from broker.version import __version__

# Flags that are settings. Of `load_everything`: they count most.
FLAGS = {
    "node_name": "node_name",
    "data_dir": "data_dir",
    "bind": "listeners.bind",
    "port": "listeners.tcp.default",
    "management_port": "management.tcp.port",
    "prometheus_port": "prometheus.tcp.port",
}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="leveret",
        description="A message broker that a program written for RabbitMQ cannot tell from it.",
        epilog="'leveret config check', 'show' and 'convert' are about settings; "
        "'leveret store inspect' and 'verify' look into a data directory.",
    )
    add_sources(parser)
    parser.add_argument(
        "--ready-file", metavar="F", type=Path, help="written once clients can connect"
    )
    parser.add_argument(
        "-detached",
        "--detached",
        action="store_true",
        help="go on in the background once clients can connect",
    )
    parser.add_argument(
        "--pid-file", metavar="F", type=Path, help="written at the start, deleted at the end"
    )
    parser.add_argument("--version", action="version", version=f"leveret {__version__}")
    return parser


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Everything that settings come from."""
    parser.add_argument(
        "--config",
        metavar="F",
        action="append",
        default=[],
        help="file with settings: leveret.yaml, rabbitmq.conf or advanced.config; several are read"
        " in order, and those in /etc/leveret are not",
    )
    parser.add_argument("--node-name", metavar="NAME", help="name of the node (rabbit@<host>)")
    parser.add_argument(
        "--data-dir",
        metavar="D",
        help="directory of the node, or 'none': keep nothing (/var/lib/leveret if it can be "
        "written to, else ~/.local/state/leveret)",
    )
    parser.add_argument("--bind", metavar="A", help="address to listen on (all)")
    parser.add_argument("--port", metavar="P", type=int, help="AMQP port; 0: a free one (5672)")
    parser.add_argument(
        "--management-port", metavar="P", type=int, help="port of the HTTP API; likewise (15672)"
    )
    parser.add_argument(
        "--prometheus-port", metavar="P", type=int, help="port of the metrics; likewise (15692)"
    )
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="any setting by its key"
    )
