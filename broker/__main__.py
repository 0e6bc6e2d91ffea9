"""The `leveret` command, and `python -m broker`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from broker.config import Config, ConfigError, load, override
from broker.log_lines import on_one_line
from broker.version import __version__


class OneLineFormatter(logging.Formatter):
    """See `on_one_line`."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return on_one_line(super().formatMessage(record))


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="leveret",
        description="A message broker that a program written for RabbitMQ cannot tell from it.",
        epilog="'leveret store inspect' and 'leveret store verify' look into a data directory.",
    )
    parser.add_argument("--config", metavar="F", help="YAML file with settings")
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
    parser.add_argument(
        "--ready-file", metavar="F", type=Path, help="written once clients can connect"
    )
    parser.add_argument("--version", action="version", version=f"leveret {__version__}")
    return parser


def configure(arguments: argparse.Namespace) -> Config:
    """Defaults < file < --set < flags. Raises: ConfigError."""
    config = load(Path(arguments.config)) if arguments.config else Config()
    for assignment in arguments.set:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise ConfigError(f"--set takes key=value, not '{assignment}'")
        config = override(config, key.strip(), value.strip())
    flags = {
        "node_name": arguments.node_name,
        "data_dir": arguments.data_dir,
        "listeners.bind": arguments.bind,
        "listeners.tcp.default": arguments.port,
        "management.tcp.port": arguments.management_port,
        "prometheus.tcp.port": arguments.prometheus_port,
    }
    for key, value in flags.items():
        if value is not None:
            config = override(config, key, value)
    if not config.data_dir:
        config = override(config, "data_dir", str(default_data_dir()))
    return config


def default_data_dir() -> Path:
    """Where a node keeps its data when nobody says: the system's place if it is ours, else the
    user's (XDG base directories)."""
    system = Path("/var/lib/leveret")
    if os.access(system if system.exists() else system.parent, os.W_OK):
        return system
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "leveret"


def store_command(argv: list[str]) -> int:
    """`leveret store inspect|verify`. Returns: the exit code; 1: something is damaged."""
    parser = argparse.ArgumentParser(
        prog="leveret store", description="Look into a data directory; nothing is changed."
    )
    parser.add_argument(
        "action",
        choices=("inspect", "verify"),
        help="inspect: what is in it, and what a start would do; verify: try every checksum",
    )
    parser.add_argument("--data-dir", metavar="D", help="the node's directory")
    arguments = parser.parse_args(argv)
    from broker.store.errors import StoreError
    from broker.store.inspect import inspect, verify

    directory = Path(arguments.data_dir) if arguments.data_dir else default_data_dir()
    try:
        if arguments.action == "inspect":
            for line in inspect(directory):
                print(line)  # noqa: T201 - what was asked for
            return 0
        verdict = verify(directory)
    except (StoreError, OSError) as error:
        print(f"leveret: {error}", file=sys.stderr)  # noqa: T201
        return 1
    for problem in verdict.problems:
        print(f"damaged: {problem}")  # noqa: T201
    print(f"{verdict.blocks} blocks, {verdict.octets} octets are good")  # noqa: T201
    return 1 if verdict.problems else 0


def main(argv: list[str] | None = None) -> int:
    """Run a broker until SIGTERM or SIGINT, or `store_command`. Returns: the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["store"]:
        return store_command(argv[1:])
    arguments = build_parser().parse_args(argv)
    try:
        config = configure(arguments)
    except ConfigError as error:
        print(f"leveret: {error}", file=sys.stderr)  # noqa: T201 - logging is not configured yet
        return 2
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    handler.setLevel(config.log_level.upper())  # amq.rabbitmq.log may have another one
    logging.basicConfig(level=config.log_level.upper(), handlers=[handler])
    from broker.server.listener import ListenError
    from broker.store.errors import StoreError

    raise_file_limit()
    try:
        _run(config, arguments.ready_file)
    except (ConfigError, ListenError, StoreError) as error:
        print(f"leveret: {error}", file=sys.stderr)  # noqa: T201 - for whoever started it by hand
        return 1
    except OSError as error:
        print(f"leveret: {error.filename}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def announcements(config: Config, ready_file: Path | None) -> list[Path]:
    """Where a running node says who it is: for scripts, and for `leveretctl --data-dir`."""
    data_dir = config.kept_in
    wanted = [ready_file, Path(data_dir, "node.json") if data_dir else None]
    return [path for path in wanted if path is not None]


def raise_file_limit() -> None:
    """As many descriptors as the system lets us have: a connection takes one, a segment too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # some systems name a limit and refuse it
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _run(config: Config, ready_file: Path | None) -> None:
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    with contextlib.suppress(ImportError):  # a platform without it: all works, slower
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_serve(config, ready_file))


async def _serve(config: Config, ready_file: Path | None) -> None:
    from broker.boot import Broker, settle_memory, write_ready_file
    from broker.server.inherited import Inherited
    from broker.server.systemd import Notifier

    log = logging.getLogger("broker")
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with Broker(config, Inherited.take()) as broker:
        settle_memory()
        assert broker.node is not None
        log.info("ready, node=%s port=%s version=%s", broker.node.name, broker.port, __version__)
        with contextlib.ExitStack() as written:
            for path in announcements(config, ready_file):
                write_ready_file(path, broker)
                written.callback(path.unlink, missing_ok=True)
            notifier = Notifier(lambda: broker.node is not None)
            notifier.ready(f"{broker.node.name} serves clients on port {broker.port}")
            await stopping.wait()
            notifier.stopping()
            log.info("stopping")
    for number in (signal.SIGTERM, signal.SIGINT):  # asked once is enough: let it end as it should
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
