"""How a tool ends when it does not do what it was asked to. Exit codes are those of sysexits.h."""

from __future__ import annotations

from collections.abc import Mapping

from broker.cli.elixir import inspect

EX_OK, EX_USAGE, EX_DATA, EX_NOUSER = 0, 64, 65, 67
EX_UNAVAILABLE, EX_SOFTWARE, EX_TEMPORARY, EX_CONFIG = 69, 70, 75, 78


class ToolError(Exception):
    """text: shown on stderr as it is; None: nothing is."""

    def __init__(self, text: str | None, code: int = EX_UNAVAILABLE):
        super().__init__(text)
        self.text = text
        self.code = code


class FailedError(ToolError):
    """The node said that it cannot be done: the text stands below "Error:"."""

    def __init__(
        self, text: str, code: int = EX_UNAVAILABLE, document: Mapping[str, object] | None = None
    ):
        super().__init__(f"Error:\n{text}", code)
        self.document = document  # what is shown instead as JSON


class ReasonError(FailedError):
    """Likewise, with what RabbitMQ has instead of a text. term: as the node gives it."""

    def __init__(self, term: object):
        super().__init__(inspect(term))
        self.term = term
        if self.word == "no_such_vhost":
            self.text, self.code = f"Virtual host '{self.about}' does not exist", EX_DATA

    @property
    def word(self) -> str:
        """What it begins with."""
        first = self.term[0] if isinstance(self.term, tuple) else self.term
        return str(first)

    @property
    def about(self) -> object:
        """What stands behind that."""
        return self.term[1] if isinstance(self.term, tuple) and len(self.term) > 1 else None


class CheckError(ToolError):
    """A health check did not pass. document: what is shown instead as JSON."""

    def __init__(self, text: str | None, document: Mapping[str, object] | None = None):
        super().__init__(text)
        self.document = document


class InvalidError(ToolError):
    """The arguments are wrong: the usage of the command is shown as well."""

    def __init__(self, text: str, code: int = EX_USAGE):
        super().__init__(text, code)


class StateError(ToolError):
    """The command needs a node that is running, or one that is not; likewise."""

    def __init__(self, text: str):
        super().__init__(text, EX_USAGE)


class NodeDownError(ToolError):
    """The node cannot be reached."""


class TimedOutError(ToolError):
    """shown_timeout: as RabbitMQ's tools show it."""

    def __init__(self, operation: str, node: str, shown_timeout: object, hint: str = ""):
        text = (
            f"Error: operation {operation} on node {node} timed out."
            f" Timeout value used: {shown_timeout}{hint and '. '}{hint}"
        )
        super().__init__(text, EX_TEMPORARY)


def not_enough() -> InvalidError:
    return InvalidError("not enough arguments.")


def too_many() -> InvalidError:
    return InvalidError("too many arguments.")


def bad_argument(text: str = "") -> InvalidError:
    return InvalidError(f"Bad argument{': ' if text else '.'}{text}", EX_DATA)


APP_STOPPED = (
    "this command requires the 'rabbit' app to be running on the target node."
    " Start it with 'rabbitmqctl start_app'."
)
APP_RUNNING = (
    "this command requires the 'rabbit' app to be stopped on the target node."
    " Stop it with 'rabbitmqctl stop_app'."
)
