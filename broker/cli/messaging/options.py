"""How a messaging command declares its options, and reads what was given.

A command is a function `run(options, arguments, stdin, stdout, stderr)` beside a table `OPTIONS`;
whoever parses the command line hands over what was given, by the option's name. What is absent was
not given. Numbers that need not be whole (seconds, rates) are texts here, and read by `number`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal

from broker.cli.messaging.exits import EX_CANTCREAT, Failure, usage

Kind = Literal["text", "integer", "switch"]


@dataclass(frozen=True, slots=True)
class Option:
    """name: as written after "--", but with "_" for "-".

    repeats: may be given several times; the value is a list of texts.
    """

    name: str
    kind: Kind
    help: str
    letter: str = ""
    repeats: bool = False


CONNECTION: tuple[Option, ...] = (
    Option("uri", "text", "amqp://user:password@host:port/vhost, or amqps://…"),
    Option("host", "text", "where the broker is (127.0.0.1)", "H"),
    Option("port", "integer", "its port (5672; with TLS 5671)", "P"),
    Option("vhost", "text", "virtual host (/)", "p"),
    Option("user", "text", "who logs in (guest)", "u"),
    Option("password", "text", "the password (guest)"),
    Option("password_file", "text", "a file whose first line is the password"),
    Option("tls", "switch", "speak TLS; amqps:// does, too"),
    Option("cacert", "text", "PEM file with the certificates that are trusted"),
    Option("cert", "text", "PEM file with a certificate to show"),
    Option("key", "text", "PEM file with its key"),
    Option("insecure", "switch", "take any certificate, for any host"),
    Option("heartbeat", "integer", "seconds between heartbeats; 0: none (30)"),
    Option("connect_timeout", "text", "seconds until a connection has to be open (10)"),
)


def shown(name: str) -> str:
    """The option as a user writes it."""
    return "--" + name.replace("_", "-")


class Given:
    """What was given on the command line, by the names of the options."""

    def __init__(self, options: Mapping[str, Any], table: Sequence[Option]):
        known = {option.name for option in table}
        for name in options:
            if name not in known:
                raise usage(f"there is no option {shown(name)} here")
        self._options = options

    def has(self, name: str) -> bool:
        value = self._options.get(name)
        return value is not None and value is not False

    def switch(self, name: str) -> bool:
        return bool(self._options.get(name))

    def text(self, name: str, default: str = "") -> str:
        value = self._options.get(name)
        return default if value is None else str(value)

    def texts(self, name: str) -> list[str]:
        """Of an option that repeats."""
        value = self._options.get(name)
        if value is None:
            return []
        return [value] if isinstance(value, str) else [str(item) for item in value]

    def integer(self, name: str, default: int, least: int = 0, most: int = 2**63 - 1) -> int:
        value = self._options.get(name)
        if value is None:
            return default
        try:
            number = int(value)
        except (ValueError, TypeError):
            raise usage(f"{shown(name)} takes a whole number, not '{value}'") from None
        if not least <= number <= most:
            bound = f"at least {least}" if number < least else f"at most {most}"
            raise usage(f"{shown(name)} is {bound}, not {number}")
        return number

    def number(self, name: str, default: float | None = None) -> float | None:
        """Seconds, or a rate: positive."""
        value = self._options.get(name)
        if value is None:
            return default
        try:
            number = float(value)
        except (ValueError, TypeError):
            raise usage(f"{shown(name)} takes a number, not '{value}'") from None
        if not 0 < number < 1e12:
            raise usage(f"{shown(name)} has to be more than 0, not {value}")
        return number

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        value = self.text(name, default)
        if value not in choices:
            raise usage(f"{shown(name)} is one of {', '.join(choices)}, not '{value}'")
        return value

    def at_most_one(self, *names: str) -> None:
        """These exclude each other."""
        given = [name for name in names if self.has(name)]
        if len(given) > 1:
            raise usage(f"{shown(given[0])} and {shown(given[1])} exclude each other")


def octets(stream: IO[Any] | None) -> IO[bytes]:
    """The stream's octets: a text stream like sys.stdin has them in its buffer.

    stream: None: the process was started without it. Raises: Failure then.
    """
    if stream is None:
        raise Failure("the standard input or output is closed", EX_CANTCREAT)
    found: IO[bytes] = getattr(stream, "buffer", stream)
    return found


def descriptor(stream: IO[Any]) -> int | None:
    """Its file descriptor; None if it is no file, like an io.BytesIO."""
    try:
        return stream.fileno()
    except (OSError, AttributeError):
        return None
