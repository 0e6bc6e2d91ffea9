"""The `leveret` command, and `python -m broker`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from broker import detached
from broker.configuration.arguments import build_parser
from broker.configuration.building import ConfigurationError
from broker.configuration.loading import Loaded, default_data_dir, load_everything
from broker.descriptors import open_standard, raise_limit
from broker.log_output import LogOutput, directory_of

FAILED = 1  # as with RabbitMQ, whatever keeps a node from starting
WRONG_SETTINGS = 78  # EX_CONFIG, to a service manager, which is not to try it again


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
    open_standard()
    arguments = build_parser().parse_args(argv)
    try:
        loaded = load_everything(arguments, os.environ)
    except ConfigurationError as error:
        for problem in error.problems:
            print(f"leveret: {problem}", file=sys.stderr)  # noqa: T201 - there is no log yet
        return WRONG_SETTINGS if os.environ.get("NOTIFY_SOCKET") else FAILED
    except Exception as error:
        return complain(error)
    if not arguments.detached:
        return start(loaded, arguments, when_ready=_nobody_waits)
    if arguments.pid_file is None and loaded.pid_file is None:
        print(detached.WARNING, file=sys.stderr, flush=True)  # noqa: T201 - as RabbitMQ did
    tell = detached.detach()
    code = start(loaded, arguments, when_ready=lambda: tell(0))
    tell(code)
    return code


def complain(error: Exception) -> int:
    """Called while it is handled. Returns: the exit code."""
    from broker.start_errors import tell

    return tell(error)


def _nobody_waits() -> None:
    """At a terminal the log says that the node is ready."""


def start(loaded: Loaded, arguments: argparse.Namespace, when_ready: Callable[[], None]) -> int:
    """Run a broker to its end. Returns: the exit code."""
    from broker.runtime import name_of

    logging.raiseExceptions = False  # a full error output must not fill itself with tracebacks
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is a node
    raise_limit()
    config = loaded.config
    log_output = LogOutput(
        config.log,
        name_of(config),
        directory=directory_of(config.log, config.kept_in),
        is_detached=arguments.detached,
    )
    try:
        log_output.open()
        for warning in loaded.warnings:
            logging.getLogger("broker.configuration").warning("%s", warning)
        _run(loaded, arguments, log_output, when_ready)
    except KeyboardInterrupt:  # before there was a loop to hear of it
        return 130
    except Exception as error:  # whatever it is: one line
        return complain(error)
    finally:
        log_output.close()
    return 0


def _run(
    loaded: Loaded,
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
        from broker.reloading import reload
        from broker.runtime import Runtime
        from broker.server.inherited import Inherited

        await Runtime(
            loaded.config,
            log_output=log_output,
            inherited=Inherited.take(),
            ready_file=arguments.ready_file,
            pid_file=arguments.pid_file or loaded.pid_file,
            plugins_file=loaded.enabled_plugins_file,
            plugins=loaded.enabled_plugins,
            given_cookie=loaded.cookie or "",
            config_files=loaded.files,
            reload=partial(reload, arguments=arguments, environ=os.environ, log_output=log_output),
            when_ready=when_ready,
        ).run()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve())


if __name__ == "__main__":
    sys.exit(main())
