"""The `leveret` command, and `python -m broker`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from broker import detached
from broker.config import Config, ConfigError, load, override
from broker.descriptors import open_standard, raise_limit, tell_limit
from broker.log_output import LogOutput, directory_of
from broker.version import __version__


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
    try:
        state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    except RuntimeError:  # a user that the system does not know, and without HOME
        raise ConfigError("there is no home for a data directory: name one (--data-dir)") from None
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
    open_standard()
    arguments = build_parser().parse_args(argv)
    try:
        config = configure(arguments)
    except Exception as error:  # whatever it is: one line
        return complain(error)
    if not arguments.detached:
        return start(config, arguments, when_ready=_nobody_waits)
    if arguments.pid_file is None:
        print(detached.WARNING, file=sys.stderr, flush=True)  # noqa: T201 - as RabbitMQ did
    tell = detached.detach()
    code = start(config, arguments, when_ready=lambda: tell(0))
    tell(code)
    return code


def complain(error: Exception) -> int:
    """Called while it is handled. Returns: the exit code."""
    from broker.start_errors import tell

    return tell(error)


def _nobody_waits() -> None:
    """At a terminal the log says that the node is ready."""


def start(config: Config, arguments: argparse.Namespace, when_ready: Callable[[], None]) -> int:
    """Run a broker to its end. Returns: the exit code."""
    from broker.runtime import name_of

    logging.raiseExceptions = False  # a full error output must not fill itself with tracebacks
    raise_limit()
    log_output = LogOutput(
        config.log,
        name_of(config),
        directory=directory_of(config.log, config.kept_in),
        is_detached=arguments.detached,
    )
    try:
        log_output.open()
        tell_limit()
        _run(config, arguments, log_output, when_ready)
    except KeyboardInterrupt:  # before there was a loop to hear of it
        return 130
    except Exception as error:  # whatever it is: one line
        return complain(error)
    finally:
        log_output.close()
    return 0


def _run(
    config: Config,
    arguments: argparse.Namespace,
    log_output: LogOutput,
    when_ready: Callable[[], None],
) -> None:
    """Raises: what `Runtime` does."""
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    with contextlib.suppress(ImportError):  # a platform without it: all works, slower
        import uvloop

        factory = uvloop.new_event_loop

    async def serve() -> None:
        from broker.runtime import Runtime
        from broker.server.inherited import Inherited

        await Runtime(
            config,
            log_output=log_output,
            inherited=Inherited.take(),
            ready_file=arguments.ready_file,
            pid_file=arguments.pid_file,
            when_ready=when_ready,
        ).run()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve())


if __name__ == "__main__":
    sys.exit(main())
