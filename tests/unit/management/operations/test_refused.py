"""Values that somebody gives, and why they are not taken."""

from __future__ import annotations

import pytest

from broker.management.operations.refused import (
    Refused,
    flag_of,
    invalid,
    no_such_user,
    no_such_vhost,
    pattern_of,
    tags_of,
    text_of,
)


def reason_of(function: object, *values: object) -> object:
    assert callable(function)
    with pytest.raises(Refused) as refused:
        function(*values)
    return refused.value.reason


def test_reasons() -> None:
    assert Refused("text").reason == "text"
    assert no_such_user("u").reason == ["no_such_user", "u"]
    assert str(no_such_vhost("v")) == "no_such_vhost v"
    assert str(invalid("user 'u'", "tags", "a list")) == "user 'u': tags should be a list"


def test_texts() -> None:
    assert text_of("x", "name", "a") == "a"
    for value in (None, 5, [], b"a"):
        assert reason_of(text_of, "x", "name", value) == "x: name should be a string"


def test_flags() -> None:
    assert [flag_of(value) for value in (True, "true", False, "false")] == [
        True,
        True,
        False,
        False,
    ]
    for value in (None, "True", 1, []):
        assert reason_of(flag_of, value) == ["not_boolean", value]


def test_patterns() -> None:
    assert pattern_of("x", "read", "^a.*[[:alpha:]]") == "^a.*[[:alpha:]]"
    assert reason_of(pattern_of, "x", "read", "(") == ["invalid_regexp", "(", ["missing )", 1]]
    assert reason_of(pattern_of, "x", "read", 5) == "x: read should be a string"


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        ("", ()),
        ("a, b,,c ", ("a", "b", "c")),
        ([], ()),
        (["a", " b c "], ("a", "b c")),
        ([5, None, True, False], ("5", "null", "true", "false")),
    ],
)
def test_tags(value: object, tags: tuple[str, ...]) -> None:
    assert tags_of("x", value) == tags


def test_what_are_no_tags() -> None:
    for value in (5, None, {}, True):
        assert reason_of(tags_of, "x", value) == "x: tags should be a list or a string"
    for value in ([[]], [{}], [1.5]):
        assert reason_of(tags_of, "x", value) == "x: tags should be a list of strings"
