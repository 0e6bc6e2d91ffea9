"""The short forms are JSON Schema."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from broker.management.openapi.forms import (
    ANYTHING,
    Schema,
    by_name,
    choice,
    counted,
    deletes,
    each,
    either,
    flag,
    lists,
    number,
    or_null,
    puts,
    ref,
    shape,
    shows,
    text,
    whole,
)

QUEUE = shape("A queue.", {"name": text("Its name.")}, {"messages": whole(minimum=0)})


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (text("a"), ["", "x"], [1, None]),
        (whole(minimum=1), [1, 2.0], [0, 1.5, "1"]),
        (number(), [1, 1.5], ["1"]),
        (flag(), [True], ["true", 1]),
        (choice("q", "e"), ["q"], ["x", None]),
        (each(text()), [[], ["a"]], [[1], "a"]),
        (each(ANYTHING), [[1, "a"]], [1]),
        (by_name(whole()), [{}, {"a": 1}], [{"a": "b"}, []]),
        (either(text(), whole()), [1, "a"], [None]),
        (or_null(text("about")), ["a", None], [1]),
        (QUEUE, [{"name": "q"}, {"name": "q", "messages": 0}], [{}, {"name": "q", "messages": -1}]),
    ],
)
def test_a_form_takes_what_it_says(schema: Schema, good: list[Any], bad: list[Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert [value for value in good if not validator.is_valid(value)] == []
    assert [value for value in bad if validator.is_valid(value)] == []


def test_what_it_is_about_stands_outside() -> None:
    assert or_null(text("about"))["description"] == "about"
    assert ref("Queue", "about") == {"$ref": "#/components/schemas/Queue", "description": "about"}
    assert "description" not in text()


def test_a_number_that_is_counted_has_a_rate() -> None:
    found = counted({"publish": "Published."})
    assert list(found) == ["publish", "publish_details"]
    assert found["publish_details"] == ref("Rate")


def test_a_list_has_pages_where_it_may_be_asked_for_one() -> None:
    plain = lists("Queue", "All queues").answers[200].schema
    paged = lists("Queue", "All queues", query=("page",)).answers[200].schema
    assert plain == each(ref("Queue"))
    assert paged is not None
    assert paged["anyOf"][0] == plain
    assert paged["anyOf"][1]["properties"]["items"] == plain


def test_what_comes_of_a_change() -> None:
    assert list(puts(QUEUE, {}, "Declare").answers) == [201, 204]
    assert list(puts(QUEUE, {}, "Rename", is_new=False).answers) == [204]
    assert list(deletes("Delete").answers) == [204]
    assert list(shows(QUEUE, "A queue").answers) == [200]
