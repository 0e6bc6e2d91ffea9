"""The settings of the log: where its lines go, which of them, what they look like, and when a file
of it is put aside. The keys are those of RabbitMQ.

An output is switched on by name (`log.console`, `log.file`, `log.syslog`, `log.exchange`) or by
giving it a level; `log_output.wanted` says what is on when nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from broker.sections import Check, Section, part, setting

EXCHANGE = "amq.rabbitmq.log"
LEVELS: Mapping[str, int] = {  # RabbitMQ's, with the numbers of logging
    "debug": 10,
    "info": 20,
    "notice": 25,
    "warning": 30,
    "error": 40,
    "critical": 50,
    "alert": 60,
    "emergency": 70,
    "none": 1000,
}
FILES_KEPT = 10  # that were put aside, where nobody says
FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
)  # fmt: skip


class DateSpec(NamedTuple):
    """When a file is put aside. every: hour, day, week or month. day: of the week, 0 is Sunday, or
    of the month, 0 is the last one."""

    every: str
    hour: int
    minute: int
    day: int


_DATE = (  # compiled by whoever needs it
    r"\$(?:H(?P<every_hour>\d\d?)"
    r"|(?:W(?P<week>[0-6])|M(?P<month>\d\d?|[lL]))?(?:D(?P<hour>\d\d?)(?:H(?P<minute>\d\d?))?)?)"
)


def parse_date_spec(text: str) -> DateSpec:
    """As newsyslog and RabbitMQ have it: $D0 every midnight, $W5D16 Fridays at four in the
    afternoon, $M1D0 the first of every month, $H30 half past every hour. Raises: ValueError.
    """
    problem = ValueError(f"must be like $D0, $W5D16, $M1D0 or $H30, not '{text}'")
    found = re.fullmatch(_DATE, text)
    if found is None or text == "$":
        raise problem
    given = found.groupdict(default="")
    hour, minute = int(given["hour"] or 0), int(given["every_hour"] or given["minute"] or 0)
    day = 0 if given["month"] in ("l", "L") else int(given["week"] or given["month"] or 0)
    if hour > 23 or minute > 59 or day > 31 or given["month"] in ("0", "00"):
        raise problem
    if given["every_hour"]:
        return DateSpec("hour", 0, minute, 0)
    every = "week" if given["week"] else "month" if given["month"] else "day"
    return DateSpec(every, hour, minute, day)


def parse_field_map(text: str) -> tuple[list[tuple[str, str]], set[str]]:
    """Of JSON: "time:ts level pid:- *:-" renames, keeps, and leaves out; in this order.

    Returns: old and new names; names that are left out, "*": all that are not named. Raises:
    ValueError.
    """
    kept: list[tuple[str, str]] = []
    left_out: set[str] = set()
    for entry in text.split():
        old, colon, new = entry.partition(":")
        if not old or (colon and not new) or (old == "*" and new != "-"):
            raise ValueError(f"must be like 'time:ts level pid:- *:-', not '{entry}'")
        if new == "-":
            left_out.add(old)
        else:
            kept.append((old, new or old))
    return kept, left_out


def parse_verbosity_map(text: str) -> dict[str, int]:
    """Of JSON: "debug:2 info:1 *:0" says what `verbosity` is at a level. Raises: ValueError."""
    result: dict[str, int] = {}
    for entry in text.split():
        level, _, number = entry.partition(":")
        if level not in (*LEVELS, "*") or not (number.isascii() and number.isdigit()):
            raise ValueError(f"must be like 'debug:2 info:1 *:0', not '{entry}'")
        result[level] = int(number)
    rest = result.pop("*", None)
    return result if rest is None else dict.fromkeys(LEVELS, rest) | result


def _is_level(text: str) -> None:
    if text and text not in LEVELS:
        raise ValueError(f"must be one of {', '.join(LEVELS)}")


def _empty_or(check: Check) -> Check:
    return lambda text: check(text) if text else None


def _level(help: str) -> Any:
    return setting("", key="level", rule=_is_level, live=True, help=help)


class Formatting(Section):
    """What lines look like, in detail."""

    time_format: str = setting(
        "rfc3339_space",
        key="time_format",
        choices=("rfc3339_space", "rfc3339_T", "epoch_usecs", "epoch_secs", "lager_default"),
        help="How the time is written.",
    )
    level_format: str = setting(
        "lc",
        key="level_format",
        choices=("lc", "uc", "lc3", "uc3", "lc4", "uc4"),
        help="How the level is written: lower or upper case, whole or in three or four letters.",
    )
    single_line: bool = setting(
        False, key="single_line", help="A traceback is put on the line that it belongs to."
    )
    plaintext: str = setting(
        "$time [$level] $pid $msg",
        key="plaintext.format",
        help="A line of text: $time, $level, $msg, $pid, $domain, $file, $line.",
    )
    field_map: str = setting(
        "time level msg gl:- logger_formatter:- report_cb:- error_logger:-",
        key="json.field_map",
        rule=parse_field_map,
        help="Fields of JSON in their order: `old:new` renames, `name:-` leaves out, `*:-` all that"
        " are not named.",
    )
    verbosity_map: str = setting(
        "",
        key="json.verbosity_map",
        rule=parse_verbosity_map,
        help="What `verbosity` is at which level, like `debug:2 info:1 *:0`; empty: there is none.",
    )


class Output(Section):
    """What all outputs have in common."""

    level: str = _level("The least important lines that go there; empty: as log.default.level.")
    formatter: str = setting(
        "plaintext", key="formatter", choices=("plaintext", "json"), help="Lines of text, or JSON."
    )
    formatting: Formatting = part(Formatting, "formatter")


class Rotation(Section):
    """When a file is put aside, as .0, .1, …"""

    date: str = setting(
        "",
        key="date",
        rule=_empty_or(parse_date_spec),
        help="By the clock: `$D0` at midnight, `$W5D16` Fridays at 16:00, `$M1D0` on the first of"
        " the month; empty: never.",
    )
    size: int = setting(
        0, key="size", unit="bytes", help="Before it becomes larger than that; 0: of any size."
    )
    count: int | None = setting(
        None,
        key="count",
        bounds=(0, 10_000),
        help="Files that are kept; 0: none, the file is deleted; none: 10.",
    )
    compress: bool = setting(
        False, key="compress", help="Whether they are compressed: .0.gz, .1.gz and so on."
    )


class ConsoleOutput(Output):
    """Standard output or standard error."""

    stdio: str = setting(
        "",
        key="stdio",
        rule=lambda text: _is_one_of(text, "", "stdout", "stderr"),
        help="stdout or stderr; empty: stdout where log.console is true, as with RabbitMQ, else"
        " stderr.",
    )
    use_colors: bool = setting(
        True, key="use_colors", help="Colours for lines that matter, on a terminal."
    )


class FileOutput(Output):
    """A file."""

    rotation: Rotation = part(Rotation, "rotation")


class SyslogOutput(Output):
    """A syslog server."""

    host: str = setting("", key="host", help="Where the server is; empty: on this machine.")
    ip: str = setting("", key="ip", help="Its address, which then counts.")
    port: int = setting(0, key="port", bounds=(0, 65535), help="Its port; 0: 514, or 6514 for TLS.")
    transport: str = setting(
        "udp", key="transport", choices=("udp", "tcp", "tls", "ssl"), help="How it is reached."
    )
    protocol: str = setting(
        "",
        key="protocol",
        rule=lambda text: _is_one_of(text, "", "rfc3164", "rfc5424"),
        help="rfc3164 or rfc5424; empty: the former, but for TLS, which has the latter only.",
    )
    identity: str = setting(
        "", key="identity", help="What the node is called there; empty: the first part of its name."
    )
    facility: str = setting(
        "daemon", key="facility", choices=("kernel", *FACILITIES), help="The facility of its lines."
    )
    multiline_mode: bool = setting(
        False, key="multiline_mode", help="A traceback is one message, not one for each line."
    )
    cacertfile: str = setting(
        "", key="ssl_options.cacertfile", help="CAs that the server's certificate may be of, PEM."
    )
    certfile: str = setting("", key="ssl_options.certfile", help="The node's certificate, PEM.")
    keyfile: str = setting("", key="ssl_options.keyfile", help="Its key.")
    verify: str = setting(
        "verify_peer",
        key="ssl_options.verify",
        choices=("verify_peer", "verify_none"),
        help="Whether the server's certificate is verified.",
    )


class Category(Section):
    """Lines of one kind."""

    level: str = _level("The least important lines of this category; empty: as elsewhere.")
    file: str = setting(
        "", key="file", help="A file for them alone; they are in no other output then."
    )
    rotation: Rotation = part(Rotation, "rotation")


class DefaultCategory(Section):
    """Lines of no other category, and what counts where an output or a category says nothing."""

    level: str = _level("The least important lines; empty: as log.level.")
    rotation: Rotation = part(Rotation, "rotation")


def _is_one_of(text: str, *choices: str) -> None:
    if text not in choices:
        raise ValueError(f"must be one of {', '.join(filter(None, choices))}")


class Log(Section):
    """The log."""

    level: str = setting(
        "info",
        key="level",
        live=True,
        choices=tuple(LEVELS),
        help="The least important lines of the log.",
    )
    dir: str = setting(
        "", key="dir", help="Directory of log files; empty: /var/log/leveret, or with the data."
    )
    file: str = setting(
        "",
        key="file",
        help="A log file, in log.dir, or false; empty: <node>.log, where log.dir is given or the"
        " node is detached.",
    )
    file_output: FileOutput = part(FileOutput, "file")
    console: bool | None = setting(
        None, key="console", help="Whether lines go to the console; none: if they go nowhere else."
    )
    console_output: ConsoleOutput = part(ConsoleOutput, "console")
    exchange: bool | None = setting(
        None,
        key="exchange",
        help="Publish the lines of the log to amq.rabbitmq.log in the default virtual host.",
    )
    exchange_output: Output = part(Output, "exchange")
    syslog: bool | None = setting(
        None, key="syslog", help="Whether lines go to syslog; none: if that has a level."
    )
    syslog_output: SyslogOutput = part(SyslogOutput, "syslog")
    default: DefaultCategory = part(DefaultCategory, "default")
    connection: Category = part(Category, "connection")
    channel: Category = part(Category, "channel")
    queue: Category = part(Category, "queue")
    mirroring: Category = part(Category, "mirroring")
    federation: Category = part(Category, "federation")
    upgrade: Category = part(Category, "upgrade")
    ra: Category = part(Category, "ra")

    @property
    def least(self) -> str:
        """The level where nothing else is said."""
        return self.default.level or self.level

    @property
    def has_exchange(self) -> bool:
        return is_on(self.exchange, self.exchange_output.level)


CATEGORIES = ("connection", "channel", "queue", "mirroring", "federation", "upgrade", "ra")


def is_on(given: bool | None, level: str) -> bool:
    """Whether an output is switched on: by its name, or by its level."""
    return level not in ("", "none") if given is None else given
