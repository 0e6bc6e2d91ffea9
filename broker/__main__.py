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
from typing import TYPE_CHECKING

from broker.config import Config, ConfigError
from broker.configuration.arguments import build_parser
from broker.configuration.building import ConfigurationError
from broker.configuration.loading import default_data_dir, load_everything
from broker.log_lines import on_one_line
from broker.version import __version__

if TYPE_CHECKING:
    from broker.boot import Broker


class OneLineFormatter(logging.Formatter):
    """See `on_one_line`."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return on_one_line(super().formatMessage(record))


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
    """Run a broker until SIGTERM or SIGINT, or a command. Returns: the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["store"]:
        return store_command(argv[1:])
    if argv[:1] == ["config"]:
        from broker.cli.config_command import config_command

        return config_command(argv[1:])
    arguments = build_parser().parse_args(argv)
    try:
        loaded = load_everything(arguments, os.environ)
    except ConfigurationError as error:
        for problem in error.problems:
            print(f"leveret: {problem}", file=sys.stderr)  # noqa: T201 - there is no log yet
        return 2
    config = loaded.config
    # until there is a node; the default would end the process
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    handler.setLevel(config.log_level.upper())  # amq.rabbitmq.log may have another one
    logging.basicConfig(level=config.log_level.upper(), handlers=[handler])
    from broker.server.listener import ListenError
    from broker.store.errors import StoreError

    raise_file_limit()
    for warning in loaded.warnings:
        logging.getLogger("broker.configuration").warning("%s", warning)
    try:
        _run(config, arguments)
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


def reload_settings(broker: Broker, arguments: argparse.Namespace) -> None:
    """SIGHUP. A node that is stopping has nothing to take up."""
    if broker.node is not None:
        from broker.reloading import reload

        reload(broker, arguments, os.environ)


def raise_file_limit() -> None:
    """As many descriptors as the system lets us have: a connection takes one, a segment too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # some systems name a limit and refuse it
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _run(config: Config, arguments: argparse.Namespace) -> None:
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    with contextlib.suppress(ImportError):  # a platform without it: all works, slower
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_serve(config, arguments))


async def _serve(config: Config, arguments: argparse.Namespace) -> None:
    from broker.boot import Broker, settle_memory, write_ready_file
    from broker.server.systemd import Notifier

    log = logging.getLogger("broker")
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with Broker(config) as broker:
        settle_memory()
        loop.add_signal_handler(signal.SIGHUP, reload_settings, broker, arguments)
        assert broker.node is not None
        log.info("ready, node=%s port=%s version=%s", broker.node.name, broker.port, __version__)
        with contextlib.ExitStack() as written:
            for path in announcements(config, arguments.ready_file):
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
