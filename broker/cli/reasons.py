"""What a node gives as the reason of a failure becomes the sentence of a command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from broker.cli.command import Call
from broker.cli.errors import EX_UNAVAILABLE, FailedError, ReasonError

NOTHING: Mapping[str, str] = {}


def ask(
    call: Call,
    what: str,
    texts: Mapping[str, str] = NOTHING,
    *,
    code: int = EX_UNAVAILABLE,
    **given: Any,
) -> Any:
    """`Call.ask`. texts: by the word that a reason is; other words are shown as they are. code: of
    the texts. Raises: ToolError."""
    try:
        return call.ask(what, **given)
    except ReasonError as error:
        if isinstance(error.term, tuple):
            raise
        text = texts.get(error.word)
        raise FailedError(text or error.word, code if text else EX_UNAVAILABLE) from None
