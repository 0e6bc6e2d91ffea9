"""Where the lines of the log go: console, files, syslog.

    logging ─ root ─┬─ Console    (the threshold of each output says which lines it takes)
                    ├─ LogFile    <node>.log, and a file for each category that has one
                    └─ Syslog
            "broker" ─ LogExchange, LiveLog: made by the node, see there

What is on when nothing is said: the console, since systemd, Docker and people at a terminal look
there; a file, where `log.dir` is given, or the node is detached and has no console. RabbitMQ's
rules otherwise: an output is on by name or by level, and with console or syslog on, a file is only
by name or by level. Unlike there, `log.exchange` alone takes the place of nothing.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from broker.log_lines import tell_stderr
from broker.log_settings import CATEGORIES, EXCHANGE, LEVELS, Log, Rotation, is_on
from broker.logs.console import Console
from broker.logs.formats import formatter_of
from broker.logs.levels import DEFAULT, LOGGER, NONE, Threshold, number_of, threshold_of
from broker.settings import ConfigError

if TYPE_CHECKING:
    from broker.logs.log_file import LogFile
    from broker.logs.tailing import Follower

SYSTEM_DIR = Path("/var/log/leveret")
NO_FILE = "No log files configured on the node"


def wanted(settings: Log, *, is_detached: bool = False) -> set[str]:
    """Those of console, file and syslog that lines go to."""
    on = set()
    if is_on(settings.console, settings.console_output.level):
        on.add("console")
    if is_on(settings.syslog, settings.syslog_output.level):
        on.add("syslog")
    if settings.file:
        has_file = settings.file.lower() != "false"
    else:
        has_file = is_on(None, settings.file_output.level) or (
            not on and (bool(settings.dir) or is_detached)
        )
    if has_file:
        on.add("file")
    if not on and settings.console is None:
        on.add("console")
    return on


def directory_of(settings: Log, data_dir: str) -> Path:
    """Of log files. data_dir: empty: the node keeps nothing."""
    if settings.dir:
        return Path(settings.dir)
    if os.access(SYSTEM_DIR, os.W_OK) or not data_dir:
        return SYSTEM_DIR
    return Path(data_dir, "logs")


class LogOutput:
    """See the module. directory: of log files. complain: told when an output fails."""

    def __init__(
        self,
        settings: Log,
        node_name: str,
        *,
        directory: Path,
        is_detached: bool = False,
        complain: Callable[[str], None] = tell_stderr,
    ):
        self._settings = settings
        self._node_name = node_name
        self._directory = directory
        self._complain = complain
        self._wanted = wanted(settings, is_detached=is_detached)
        self._outputs: list[_Output] = []
        self._files: list[LogFile] = []  # the main one first, if there is one
        self._level_before: int | None = None  # of the root; None: not open

    def open(self) -> None:
        """Raises: ConfigError, a file cannot be written."""
        root = logging.getLogger()
        self._level_before = root.level
        try:
            self._make()
        except OSError as error:
            self.close()
            raise ConfigError(
                f"the log cannot be written: {error.filename}: {error.strerror}"
            ) from None
        self.apply_levels(self._settings)
        for output in self._outputs:
            output.handler.addFilter(output.threshold)
            root.addHandler(output.handler)

    def close(self) -> None:
        """Nothing is written any more."""
        root = logging.getLogger()
        for output in self._outputs:
            root.removeHandler(output.handler)
            output.handler.close()
        if self._level_before is not None:
            root.setLevel(self._level_before)
            self._level_before = None
        self._outputs, self._files = [], []

    def rotate(self) -> list[str]:
        """Put all files aside, for `rabbitmqctl rotate_logs`. Returns: what went wrong."""
        return self._each_file(lambda file: file.rotate())

    def reopen(self) -> list[str]:
        """Open all files again; renamed ones do it by themselves. Returns: likewise."""
        return self._each_file(lambda file: file.reopen())

    def set_level(self, level: str) -> None:
        """Of everything, for `rabbitmqctl set_log_level`. Raises: ValueError, in its words."""
        number = number_of(level)
        for threshold in self._thresholds():
            threshold.set(number)
        self._settle()

    def set_category_level(self, category: str, level: str) -> None:
        """Of one category, or of `default`. Raises: ValueError."""
        number = number_of(level)
        if category not in (*CATEGORIES, DEFAULT):
            raise ValueError(f"there is no category {category}")
        own = self._file_of(category)
        if own:
            for output in self._outputs:
                if output.location == own:
                    output.threshold.set_category(category, number)
        else:
            for threshold in self._thresholds():
                if threshold.is_for_all:
                    threshold.set_category(category, number)
        self._settle()

    def apply_levels(self, settings: Log) -> None:
        """The levels of other settings; all else that is in them takes a restart."""
        for category in CATEGORIES:
            file = getattr(self._settings, category).file
            its = getattr(settings, category).replace(file=file)
            settings = settings.replace(**{category: its})
        for output in self._outputs:
            if output.kind in CATEGORIES:
                output.threshold.become(Threshold(None))
            else:
                level = getattr(settings, f"{output.kind}_output").level
                output.threshold.become(threshold_of(settings, level))
        for category in CATEGORIES:
            path = self._file_of(category)
            level = getattr(settings, category).level or settings.least
            for output in self._outputs:
                if path and output.location == path:
                    output.threshold.set_category(category, LEVELS[level])
        for threshold in self._elsewhere():
            threshold.become(threshold_of(settings, settings.exchange_output.level))
        self._settle()

    def files(self) -> list[Path]:
        """The main one first."""
        return [Path(one.path) for one in self._files]

    def locations(self) -> list[str]:
        """All outputs as `rabbitmq-diagnostics log_location --all` names them."""
        found = {output.location for output in self._outputs}
        if self._settings.has_exchange:
            found.add(f"exchange:{EXCHANGE}")
        return sorted(found)

    def tail(self, count: int) -> list[str]:
        """The last lines of the main file. Raises: OSError, LookupError (there is none)."""
        from broker.logs.tailing import last_lines

        return last_lines(self._main(), count)

    def follow(self) -> Follower:
        """Its lines from now on. Raises: likewise."""
        from broker.logs.tailing import Follower

        return Follower(self._main())

    def _main(self) -> str:
        if not self._files:
            raise LookupError(NO_FILE)
        return self._files[0].path

    def _each_file(self, do: Callable[[LogFile], None]) -> list[str]:
        problems = []
        for one in self._files:
            try:
                do(one)
            except OSError as error:
                problems.append(f"{one.path}: {error.strerror}")
        return problems

    # levels

    def _elsewhere(self) -> Iterator[Threshold]:
        """Of outputs that others have made, which go by the same levels."""
        for handler in logging.getLogger(LOGGER).handlers:
            yield from (one for one in handler.filters if isinstance(one, Threshold))

    def _thresholds(self) -> Iterator[Threshold]:
        yield from (output.threshold for output in self._outputs)
        yield from self._elsewhere()

    def _settle(self) -> None:
        """What nobody takes is not even made."""
        own = [output.threshold.least for output in self._outputs]
        logging.getLogger().setLevel(min(own, default=NONE))
        others = [threshold.least for threshold in self._elsewhere()]
        logger = logging.getLogger(LOGGER)
        if others and logger.level:  # has a level of its own for them
            logger.setLevel(min([*own, *others]))

    # outputs

    def _make(self) -> None:
        """Raises: OSError."""
        settings = self._settings
        if "file" in self._wanted:
            name = settings.file or f"{self._node_name}.log"
            self._add_file("file", self._path(name), settings.file_output.rotation)
        if "console" in self._wanted:
            self._add_console()
        if "syslog" in self._wanted:
            from broker.logs.syslog import Syslog  # a thread, sockets and TLS

            syslog = Syslog(settings.syslog_output, self._node_name, self._complain)
            syslog.open()
            self._add("syslog", syslog, f"syslog:{syslog.host}")
        for category in CATEGORIES:
            path = self._file_of(category)
            if path and all(output.location != path for output in self._outputs):
                self._add_file(category, path, getattr(settings, category).rotation)

    def _add_console(self) -> None:
        usual = "stdout" if self._settings.console else "stderr"
        name = self._settings.console_output.stdio or usual
        stream = sys.stdout if name == "stdout" else sys.stderr
        if stream is not None:  # closed before the start
            self._add("console", Console(self._settings.console_output, stream), f"<{name}>")

    def _add_file(self, kind: str, path: str, rotation: Rotation) -> None:
        from broker.logs.log_file import LogFile  # 2 ms that a console does not need
        from broker.logs.rotation import Plan

        file = LogFile(path, Plan(rotation, self._settings.default.rotation), self._complain)
        file.open()
        file.setFormatter(formatter_of(self._settings.file_output))
        self._files.append(file)
        self._add(kind, file, path)

    def _add(self, kind: str, handler: logging.Handler, location: str) -> None:
        self._outputs.append(_Output(kind, handler, location, Threshold(None)))

    def _file_of(self, category: str) -> str:
        """The path of its own file; empty: it has none."""
        name = getattr(self._settings, category).file if category != DEFAULT else ""
        return self._path(name) if name else ""

    def _path(self, name: str) -> str:
        return str((self._directory / name).absolute())


class _Output(NamedTuple):
    """kind: console, file, syslog, or the category whose file it is."""

    kind: str
    handler: logging.Handler
    location: str
    threshold: Threshold
