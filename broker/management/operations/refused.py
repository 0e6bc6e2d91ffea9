"""Why a change that somebody asks for is not made, in RabbitMQ's words.

Operations look at what is asked for and make the `Command` that does it; what cannot be is refused
here, before anything is changed. A reason is a word and what it is about, which the HTTP API shows
as a list, or a text.
"""

from __future__ import annotations

from broker.patterns import PatternError, compile_pattern


class Refused(Exception):  # noqa: N818 - the asker's doing
    """reason: a text, or a JSON list of a word and values."""

    def __init__(self, word: str, *values: object):
        super().__init__(word, *values)
        self.reason: object = [word, *values] if values else word

    def __str__(self) -> str:
        return " ".join(map(str, self.args))


def no_such_user(name: object) -> Refused:
    return Refused("no_such_user", name)


def no_such_vhost(name: object) -> Refused:
    return Refused("no_such_vhost", name)


def invalid(what: str, field: str, kind: str) -> Refused:
    """Not RabbitMQ's, which fails where a value has a type that it does not expect."""
    return Refused(f"{what}: {field} should be {kind}")


def text_of(what: str, field: str, value: object) -> str:
    """A value that has to be a string. Raises: Refused."""
    if not isinstance(value, str):
        raise invalid(what, field, "a string")
    return value


def flag_of(value: object) -> bool:
    """A value that has to be a boolean, also as a word. Raises: Refused."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise Refused("not_boolean", value)


def pattern_of(what: str, field: str, value: object) -> str:
    """A regular expression. RabbitMQ shows its letters as numbers. Raises: Refused."""
    pattern = text_of(what, field, value)
    try:
        compile_pattern(pattern)
    except PatternError as error:
        message, offset = error.reason
        raise Refused("invalid_regexp", pattern, [str(message), offset]) from None
    return pattern


def tags_of(what: str, value: object) -> tuple[str, ...]:
    """Tags as a list, or in a string between commas. Raises: Refused."""
    if isinstance(value, str):
        return tuple(tag for tag in map(str.strip, value.split(",")) if tag)
    if not isinstance(value, list):
        raise invalid(what, "tags", "a list or a string")
    return tuple(_tag(what, tag) for tag in value)


def _tag(what: str, value: object) -> str:
    """RabbitMQ makes atoms of them, whatever they are."""
    if isinstance(value, str):
        return value.strip()
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    raise invalid(what, "tags", "a list of strings")
