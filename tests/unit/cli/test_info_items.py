"""Columns of lists."""

from __future__ import annotations

import pytest

from broker.cli import info_items
from broker.cli.errors import InvalidError

KNOWN = ("name", "messages", "tags")


def test_columns_stand_between_spaces_or_commas() -> None:
    assert info_items.wanted(["name,messages", "tags"]) == ["name", "messages", "tags"]
    assert info_items.wanted(["name,", "messages", "name"]) == ["name", "messages"]
    assert info_items.wanted(["name, messages"]) == ["name", "messages"]
    assert info_items.wanted([""]) == []


def test_all_that_are_unknown_are_told() -> None:
    info_items.check(["name", "tags,messages"], KNOWN)
    with pytest.raises(InvalidError) as caught:
        info_items.check(["other", "name", "bogus"], KNOWN)
    assert caught.value.text == "Info key(s) bogus,other are not supported"
    assert caught.value.code == 64


def test_rows_have_what_was_asked_for_in_that_order() -> None:
    assert info_items.only([("a", 1), ("b", 2), ("c", 3)], ["c", "a", "x"]) == [("c", 3), ("a", 1)]


def test_the_help() -> None:
    assert info_items.topic(KNOWN) == ("<column>", "must be one of messages, name, tags")
