"""Reasons become sentences."""

from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.erlang import Atom
from broker.cli.errors import FailedError, ReasonError
from broker.cli.reasons import ask


class Refusing:
    """A call whose node gives a reason."""

    def __init__(self, term: object):
        self._term = term

    def ask(self, what: str, **given: Any) -> Any:
        raise ReasonError(self._term)


def refused(term: object, **texts: str) -> FailedError:
    call: Any = Refusing(term)
    with pytest.raises(FailedError) as caught:
        ask(call, "group.action", texts, code=64)
    return caught.value


def test_words_have_sentences() -> None:
    error = refused(Atom("not_found"), not_found="It is not there")
    assert (error.text, error.code) == ("Error:\nIt is not there", 64)


def test_other_words_are_shown_as_they_are() -> None:
    error = refused(Atom("last_node"), not_found="It is not there")
    assert (error.text, error.code) == ("Error:\nlast_node", 69)


def test_terms_are_for_others() -> None:
    error = refused((Atom("no_such_vhost"), "x"))
    assert isinstance(error, ReasonError)
