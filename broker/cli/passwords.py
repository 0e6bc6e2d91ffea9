"""Passwords that are not arguments: they are asked for, or come from where stdin does."""

from __future__ import annotations

from broker.cli.command import Call, Streams
from broker.cli.errors import EX_SOFTWARE, FailedError

PROMPT = "Password: "


def password_of(call: Call, code: int = EX_SOFTWARE) -> str:
    """The second argument, or a line of stdin. code: of a call that has neither.

    Raises: FailedError.
    """
    if len(call.arguments) > 1:
        return call.arguments[1]
    found = asked(call.streams, PROMPT, is_quiet=call.is_quiet)
    if found is None:
        raise FailedError("Password is not provided via argument or stdin", code)
    return found


def asked(streams: Streams, prompt: str, *, is_quiet: bool) -> str | None:
    """None: there is no line."""
    if streams.stdin.isatty():
        import getpass

        try:
            return getpass.getpass(prompt)
        except EOFError:
            return None
    if not is_quiet:
        streams.stdout.write(f"{prompt}\n")
        streams.stdout.flush()
    line = streams.stdin.readline()
    return line.rstrip("\r\n") if line else None
