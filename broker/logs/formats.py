"""What lines look like: RabbitMQ's text and its JSON.

    2022-01-01 12:00:00.123456+00:00 [info] <0.4711.0> opened, peer=127.0.0.1:50112
    {"time":"2022-01-01 12:00:00.123456+00:00","level":"info","msg":"opened, …","domain":…}

Programs that read RabbitMQ's logs look for an Erlang process between angle brackets: here it has
the number of the operating system's process. A formatter returns whole lines with their ends. What
peers call themselves cannot end one; a traceback is several, each of which begins like the first.
The time costs 0.5 µs a line since its seconds are written once.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from broker.log_lines import on_one_line
from broker.log_settings import Formatting, Output, parse_field_map, parse_verbosity_map
from broker.logs.levels import domain_of, name_of

Getter = Callable[[logging.LogRecord], Any]
_VARIABLE = r"\$([a-zA-Z0-9_]+)"
_LINE_END = r",?\r?\n\s*"
SHORT = {  # of three letters, of four
    "debug": ("dbg", "dbug"),
    "info": ("inf", "info"),
    "notice": ("ntc", "noti"),
    "warning": ("wrn", "warn"),
    "error": ("err", "erro"),
    "critical": ("crt", "crit"),
    "alert": ("alt", "alrt"),
    "emergency": ("emg", "emgc"),
}
COLORS = {
    "debug": "\033[38;5;246m",
    "notice": "\033[38;5;87m",
    "warning": "\033[38;5;214m",
    "error": "\033[38;5;160m",
    "critical": "\033[1;37m\033[48;5;20m",
    "alert": "\033[1;37m\033[48;5;93m",
    "emergency": "\033[1;37m\033[48;5;196m",
}
COLOR_END = "\033[0m"


def formatter_of(
    output: Output, *, has_colors: bool = False, is_bare: bool = False
) -> logging.Formatter:
    """is_bare: text without time and level, for what adds its own."""
    if output.formatter == "json":
        return JsonLines(output.formatting)
    return TextLines(output.formatting, has_colors=has_colors, is_bare=is_bare)


class _Lines(logging.Formatter):
    """What both have in common."""

    def __init__(self, formatting: Formatting):
        super().__init__()
        self._formatting = formatting
        width = {"3": 0, "4": 1}.get(formatting.level_format[-1])
        names = {name: name if width is None else SHORT[name][width] for name in SHORT}
        is_upper = formatting.level_format.startswith("uc")
        self._levels = {one: name.upper() if is_upper else name for one, name in names.items()}
        pid = f"<0.{os.getpid()}.0>"
        self._getters: dict[str, Getter] = {
            "time": self._time_getter(),
            "level": lambda record: self._levels[name_of(record.levelno)],
            "msg": self.text_of,
            "domain": lambda record: domain_of(record.name),
            "file": lambda record: record.filename,
            "line": lambda record: record.lineno,
            "pid": lambda record: pid,
        }

    def _time_getter(self) -> Getter:
        wanted = self._formatting.time_format
        if wanted == "epoch_secs":
            return lambda record: f"{record.created:.6f}"
        if wanted == "epoch_usecs":
            return lambda record: str(int(record.created * 1_000_000))
        separator = "T" if wanted == "rfc3339_T" else " "
        return _LocalTime(separator, 3 if wanted == "lager_default" else 6)

    def text_of(self, record: logging.LogRecord) -> str:
        """The sentence, and the traceback below it."""
        text = on_one_line(record.getMessage())
        if record.exc_info:
            below = self.formatException(record.exc_info).splitlines()
            text = "\n".join([text, *(on_one_line(line) for line in below)])
        return re.sub(_LINE_END, ", ", text.strip()) if self._formatting.single_line else text


class _LocalTime:
    """Local time with its offset, as RabbitMQ has it; or, with milliseconds, without."""

    def __init__(self, separator: str, digits: int):
        self._separator = separator
        self._digits = digits
        self._written = (-1, "", "")  # a second, what is before its fraction, and after it

    def __call__(self, record: logging.LogRecord) -> str:
        second, fraction = divmod(int(record.created * 1_000_000), 1_000_000)
        written, begins, ends = self._written
        if second != written:
            local = datetime.fromtimestamp(second).astimezone()
            begins = local.strftime(f"%Y-%m-%d{self._separator}%H:%M:%S.")
            ends = local.isoformat()[19:] if self._digits == 6 else ""
            self._written = (second, begins, ends)
        return f"{begins}{fraction:06}"[: len(begins) + self._digits] + ends


class TextLines(_Lines):
    """See the module. What stands before $msg in the format begins each line of a traceback."""

    def __init__(
        self, formatting: Formatting, *, has_colors: bool = False, is_bare: bool = False
    ) -> None:
        super().__init__(formatting)
        before, message, after = formatting.plaintext.partition("$msg")
        if not message:  # nothing to repeat
            before, after = "", before
        self._begins, self._beginning = self._template("" if is_bare else before)
        self._ends, self._ending = self._template(after)
        self._has_message = bool(message)
        self._colors = COLORS if has_colors else {}

    def _template(self, text: str) -> tuple[str, list[Getter]]:
        """A string for %, and what goes into it."""
        getters: list[Getter] = []

        def put(found: re.Match[str]) -> str:
            name = found[1]
            getters.append(self._getters.get(name) or (lambda record: f"<unknown {name}>"))
            return "%s"

        return re.sub(_VARIABLE, put, text.replace("%", "%%")), getters

    def format(self, record: logging.LogRecord) -> str:
        begins = self._begins % tuple([get(record) for get in self._beginning])
        ends = self._ends % tuple([get(record) for get in self._ending])
        text = self.text_of(record) if self._has_message else ""
        color = self._colors.get(name_of(record.levelno), "") if self._colors else ""
        ends += f"{COLOR_END}\n" if color else "\n"
        begins = color + begins
        if "\n" not in text:
            return f"{begins}{text}{ends}"
        return "".join([f"{begins}{line}{ends}" for line in text.split("\n")])


class JsonLines(_Lines):
    """See the module. Fields that the map does not name follow by their names."""

    def __init__(self, formatting: Formatting):
        super().__init__(formatting)
        kept, left_out = parse_field_map(formatting.field_map)
        verbosity = parse_verbosity_map(formatting.verbosity_map)
        numbers: dict[str, Getter] = {
            "epoch_secs": lambda record: int(record.created),
            "epoch_usecs": lambda record: int(record.created * 1_000_000),
        }
        getters = dict(self._getters)
        getters["time"] = numbers.get(formatting.time_format, getters["time"])
        if verbosity:
            getters["verbosity"] = lambda record: verbosity.get(name_of(record.levelno))
        named = {old for old, _ in kept}
        rest = [] if "*" in left_out else sorted(set(getters) - named - left_out)
        fields = [(old, new) for old, new in kept if old in getters] + [(one, one) for one in rest]
        self._fields = [(new, getters[old]) for old, new in fields]

    def format(self, record: logging.LogRecord) -> str:
        document = {name: get(record) for name, get in self._fields}
        if "verbosity" in document and document["verbosity"] is None:
            del document["verbosity"]
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"
