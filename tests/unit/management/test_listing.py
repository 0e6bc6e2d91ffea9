from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from broker.management.application import Context
from broker.management.lane import SLICE_S
from broker.management.listing import (
    STREAMED_FROM,
    Listed,
    Page,
    columns_of,
    cut,
    dotted,
    page_of,
    reply_list,
    sort_key,
    tree_of,
)
from broker.management.request import Refusal, parse_query
from tests.support.api import Answer, Api

ENTRIES = [
    {"vhost": "/", "name": name, "size": size} for name, size in zip("cab", (1, 2, 3), strict=True)
]


@pytest.fixture
def api() -> Api:
    return Api()


def lists(api: Api, query: str, items: Any = ENTRIES, listed: Any = None, **how: Any) -> Answer:
    """What reply_list makes of items."""
    context = Context(api.management, api.request("GET", f"/some?{query}"), None)

    async def reply() -> Answer:
        response = await reply_list(context, items, listed, **how)
        if not isinstance(response.body, bytes):
            response.body = b"".join([piece async for piece in response.body])
        return Answer(response)

    return api.runs(reply())


def names(answer: Answer) -> str:
    entries = answer.json
    return "".join(
        entry["name"] for entry in (entries if isinstance(entries, list) else entries["items"])
    )


def refused(does: Callable[[], object]) -> tuple[str, object]:
    with pytest.raises(Refusal) as refusal:
        does()
    assert refusal.value.status == 400
    return refusal.value.error, refusal.value.reason


# pages


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("", None),
        ("page_size=5&name=x", None),
        ("page=1", Page(1, 100, "", False)),
        ("page=3&page_size=500", Page(3, 500, "", False)),
        ("page=1&name=a.c&use_regex=true", Page(1, 100, "a.c", True)),
        ("page=1&name=a&use_regex=false", Page(1, 100, "a", False)),
        (f"page={'9' * 4000}", Page(int("9" * 4000), 100, "", False)),
    ],
)
def test_what_page_is_wanted(query: str, page: Page | None) -> None:
    assert page_of(parse_query(query)) == page


INVALID = "Invalid pagination parameters: "


@pytest.mark.parametrize(
    ("query", "error", "reason"),
    [
        ("page=x", "bad_request", "Pagination parameters are invalid"),
        ("page=", "bad_request", "Pagination parameters are invalid"),
        ("page=+1", "bad_request", "Pagination parameters are invalid"),
        ("page=1.5", "bad_request", "Pagination parameters are invalid"),
        ("page_size=x", "bad_request", "Pagination parameters are invalid"),
        ("page=0", "invalid_pagination_parameters", f"{INVALID}page number 0, page size undefined"),
        (
            "page=-1&page_size=2",
            "invalid_pagination_parameters",
            f"{INVALID}page number -1, page size 2",
        ),
        (
            "page=1&page_size=501",
            "invalid_pagination_parameters",
            f"{INVALID}page number 1, page size 501",
        ),
        (
            "page=1&page_size=0",
            "invalid_pagination_parameters",
            f"{INVALID}page number 1, page size 0",
        ),
    ],
)
def test_what_is_no_page(query: str, error: str, reason: str) -> None:
    assert refused(lambda: page_of(parse_query(query))) == (error, reason)


def test_a_page_says_what_it_is_of(api: Api) -> None:
    items = [{"vhost": "/", "name": f"n{number}"} for number in range(7)]
    assert lists(
        api, "page=2&page_size=2&name=N&columns=name", [*items, {"vhost": "/", "name": "x"}]
    ).json == {
        "filtered_count": 7,
        "item_count": 2,
        "items": [{"name": "n2"}, {"name": "n3"}],
        "page": 2,
        "page_count": 4,
        "page_size": 2,
        "total_count": 8,
    }


def test_the_first_page_is_there_whatever_is_on_it(api: Api) -> None:
    found = lists(api, "page=1&name=nope").json
    assert (found["items"], found["page_count"], found["total_count"]) == ([], 0, 3)


@pytest.mark.parametrize(
    ("query", "size", "count"),
    [("page=2", 100, 3), ("page=4&page_size=1", 1, 3), ("page=2&name=x", 100, 0)],
)
def test_a_page_beyond_the_last_is_refused(api: Api, query: str, size: int, count: int) -> None:
    number = query[5]
    assert refused(lambda: lists(api, query)) == (
        "page_out_of_range",
        f"Page out of range, page: {number} page size: {size}, len: {count}",
    )


def test_some_lists_have_no_pages(api: Api) -> None:
    assert names(lists(api, "page=7&page_size=x", is_paginated=False)) == "abc"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("name=B", "b"),
        ("name=.", ""),
        ("name=%5BAB%5D&use_regex=true", "ab"),
        ("name=%5Ea%24&use_regex=true", "a"),
        ("name=", "abc"),
    ],
)
def test_names_are_searched_for_what_is_wanted(api: Api, query: str, found: str) -> None:
    assert names(lists(api, f"page=1&{query}")) == found


@pytest.mark.parametrize("pattern", ["(", "*", "a{99999999999}", "[", "(?P<x"])
def test_what_is_no_pattern_is_refused(api: Api, pattern: str) -> None:
    context = Context(api.management, api.request("GET", "/some?page=1&use_regex=true"), None)
    context.request.query["name"] = pattern
    found = refused(lambda: api.runs(reply_list(context, ENTRIES)))
    assert found == ("bad_request", "Pagination parameters are invalid")


def test_where_there_is_nothing_no_pattern_is_looked_at(api: Api) -> None:
    found = api.gets("/channels?page=1&use_regex=true&name=(")
    assert (found["items"], found["filtered_count"]) == ([], 0)


def test_a_pattern_that_would_stop_the_node_is_refused(api: Api) -> None:
    """Of names of 26 letters the first would take seconds, of 40 a day."""
    for pattern in ("(a%2B)%2B%24", ".*.*.*.*x"):
        items = [{"vhost": "/", "name": "a" * 255}]
        query = f"page=1&use_regex=true&name={pattern}"
        found = refused(lambda query=query, items=items: lists(api, query, items))  # type: ignore[misc]
        assert found == ("bad_request", "the pattern may take too long")
    assert names(lists(api, "page=1&use_regex=true&name=(a%2B)%24")) == "a"


# sorting


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "abc"),
        ("sort=name", "abc"),
        ("sort=size", "cab"),
        ("sort=size&sort_reverse=true", "bac"),
        ("sort_reverse=true", "cba"),
        ("sort=nope", "abc"),
        ("sort=", "cab"),
        ("sort=&sort_reverse=true", "bac"),
    ],
)
def test_what_it_is_sorted_by(api: Api, query: str, found: str) -> None:
    assert names(lists(api, query)) == found


def test_values_of_all_kinds_have_an_order() -> None:
    ordered = [
        -5,
        1,
        2.5,
        False,
        None,
        True,
        {},
        {"z": 1},
        {"a": 1, "b": 1},
        {"a": 1, "b": "x"},
        [],
        [1],
        ["x"],
        "",
        "A",
        "a",
        "é",
        "\udcff",
    ]
    assert sorted(ordered[9:] + ordered[:9], key=sort_key) == ordered


def test_a_column_may_be_within_others() -> None:
    entry = {"a": {"b": {"c": 5}, "d": [1]}, "e": "x"}
    assert [dotted(entry, name) for name in ("a.b.c", "e", "a.b.x", "a.d.0", "e.f", "x", "")] == [
        5,
        "x",
        0,
        0,
        0,
        0,
        0,
    ]


# columns


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ("a", {"a": {"b": 1, "c": [{"d": 1, "e": 2}, 3]}}),
        ("a.b", {"a": {"b": 1}}),
        ("a.c.d", {"a": {"c": [{"d": 1}, 3]}}),
        ("a.b,a.c.e,x", {"a": {"b": 1, "c": [{"e": 2}, 3]}, "x": "y"}),
        ("a,a.b", {"a": {"b": 1, "c": [{"d": 1, "e": 2}, 3]}}),
        ("a.b,a", {"a": {"b": 1, "c": [{"d": 1, "e": 2}, 3]}}),
        ("x.y", {"x": "y"}),
        ("nope", []),
        ("", []),
        (",.,", []),
        ("a.nope,x", {"a": [], "x": "y"}),
    ],
)
def test_columns_are_cut_out(columns: str, found: object) -> None:
    value = {"a": {"b": 1, "c": [{"d": 1, "e": 2}, 3]}, "x": "y"}
    assert cut(value, columns_of({"columns": columns})) == found
    assert cut([value, 5], columns_of({"columns": columns})) == [found, 5]


def test_without_columns_nothing_is_cut() -> None:
    assert columns_of({}) is None
    assert cut({"a": 1}, None) == {"a": 1}


def test_columns_are_found_by_their_names() -> None:
    """Thousands of them, as fit into a path, took 10 ms for each entry of a list."""
    columns = columns_of({"columns": ",".join(["a", "b.c", "b.d", "b.c"] * 1000)})
    assert columns == [("a",), ("b", "c"), ("b", "d")]
    assert tree_of(columns) == {"a": None, "b": {"c": None, "d": None}}
    assert tree_of(columns_of({"columns": "b,b.c,.b"})) == {"b": None}


# cheap columns


class Built:
    """What is listed by a class that counts how many entries were built."""

    def __init__(self) -> None:
        self.count = 0
        self.listed = Listed[int](
            self.show,
            {"vhost": lambda number: "/", "name": str, "size": lambda number: -number},
        )

    def show(self, number: int) -> dict[str, Any]:
        self.count += 1
        return {"vhost": "/", "name": str(number), "size": -number, "rest": number % 7}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("page=2&page_size=10", 10),
        ("page=2&page_size=10&sort=size&name=1", 10),
        ("page=1&page_size=10&sort=rest", 300),
        ("page=1&page_size=10&columns=name,size", 0),
        ("columns=name,size", 0),
        ("columns=name,rest", 300),
        ("columns=", 0),
        ("", 300),
    ],
)
def test_only_what_has_to_be_is_built(api: Api, query: str, count: int) -> None:
    built = Built()
    answer = lists(api, query, range(300), built.listed)
    assert answer.status == 200
    assert built.count == count


@pytest.mark.parametrize("count", [STREAMED_FROM, STREAMED_FROM + 1, 3 * STREAMED_FROM + 7])
def test_long_lists_are_the_same_in_pieces(api: Api, count: int) -> None:
    built = Built()
    found = lists(api, "sort=size", range(count), built.listed).json
    assert [entry["size"] for entry in found] == list(range(1 - count, 1))
    context = Context(api.management, api.request("GET", "/some"), None)
    response = api.runs(reply_list(context, range(count), built.listed))
    assert isinstance(response.body, bytes) == (count == STREAMED_FROM)


def test_an_empty_list(api: Api) -> None:
    assert lists(api, "", []).body == b"[]"
    assert lists(api, "", []).headers == {
        "content-type": "application/json",
        "cache-control": "no-cache",
    }


def test_names_that_are_no_text_are_shown(api: Api) -> None:
    (found,) = lists(api, "", [{"vhost": "/", "name": "\udcff\u20ac"}]).json
    assert found["name"] == "\ufffd\u20ac"


# in slices


def test_the_node_has_its_turn_while_a_list_is_put_together(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that goes on by a third of a slice with every look at it."""
    times: Iterator[float] = iter(number * SLICE_S / 3 for number in range(10**9))
    monkeypatch.setattr("broker.management.lane.perf_counter", lambda: next(times))
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def reply() -> bytes:
        task = asyncio.get_running_loop().create_task(count_turns())
        context = Context(api.management, api.request("GET", "/some?sort=rest"), None)
        response = await reply_list(context, range(3_000), Built().listed)
        assert not isinstance(response.body, bytes)
        body = b"".join([piece async for piece in response.body])
        task.cancel()
        return body

    assert len(json.loads(asyncio.run(reply()))) == 3_000
    assert turns > 3_000  # it is looked through, built, sorted, merged, written down
