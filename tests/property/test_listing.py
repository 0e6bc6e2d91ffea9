"""Lists against the plain way: build everything, filter, sort, cut. Long ones go in pieces and have
their sorted chunks merged; columns that are cheap to get at must make no difference."""

from __future__ import annotations

import re
from functools import cmp_to_key
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.management.application import Context
from broker.management.listing import Listed, reply_list
from broker.management.request import Refusal
from tests.property.conftest import examples
from tests.support.api import Answer, Api

Entry = dict[str, Any]
API = Api()
KEYS = ("vhost", "name", "size", "deep", "rare")
RANKS: tuple[tuple[type, ...], ...] = ((int, float), (bool, type(None)), (list,), (str,))

values = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([0.5, -1.0]),
    st.booleans(),
    st.none(),
    st.text("aB", max_size=2),
    st.lists(st.integers(0, 2), max_size=2),
)
entries = st.fixed_dictionaries(
    {
        "vhost": st.sampled_from(["/", "v"]),
        "name": st.text("abAB-.", max_size=4),
        "size": st.integers(0, 5),
        "deep": st.fixed_dictionaries({"x": values}, optional={"y": values}),
    },
    optional={"rare": values},
)
# Few at random, or many that are made of those.
lists = st.one_of(
    st.lists(entries, max_size=30),
    st.tuples(st.lists(entries, min_size=1, max_size=12), st.integers(1_001, 1_600)).map(
        lambda made: [
            made[0][number * number % len(made[0])] | {"size": number * 7919 % 101}
            for number in range(made[1])
        ]
    ),
)
columns = st.sampled_from([*KEYS, "deep.x", "deep.y", "deep.x.z", "nope"])
queries = st.fixed_dictionaries(
    {},
    optional={
        "sort": st.one_of(st.just(""), columns),
        "sort_reverse": st.sampled_from(["true", "false"]),
        "columns": st.lists(columns, max_size=3).map(",".join),
        "page": st.integers(1, 4),
        "page_size": st.sampled_from([1, 3, 10, 500]),
        "name": st.text("abB.-[*", max_size=2),
        "use_regex": st.sampled_from(["true", "false"]),
    },
)


# the plain way


def rank(value: object) -> int:
    return next(
        at
        for at, kinds in enumerate(RANKS)
        if isinstance(value, kinds) and not (at == 0 and isinstance(value, bool))
    )


def compare(one: Any, other: Any) -> int:
    if rank(one) != rank(other):
        return rank(one) - rank(other)
    if rank(one) == 1:
        one, other = ({None: "null", True: "true", False: "false"}[value] for value in (one, other))
    if isinstance(one, list):
        for left, right in zip(one, other, strict=False):
            if left != right:
                return compare(left, right)
        return len(one) - len(other)
    return int(one > other) - int(one < other)


def found_in(entry: Any, column: str) -> Any:
    for part in column.split("."):
        if not isinstance(entry, dict):
            return 0
        entry = entry.get(part, 0)
    return entry


def only(entry: Any, wanted: list[list[str]]) -> Any:
    """Those columns of it."""
    if not isinstance(entry, dict):
        return entry
    kept = {}
    for key, value in entry.items():
        rests = [path[1:] for path in wanted if path[0] == key]
        if rests:
            kept[key] = value if [] in rests else only(value, rests)
    return kept or []


def plainly(items: list[Entry], query: dict[str, Any]) -> tuple[list[Entry], int] | None:
    """What is to be answered, and how many the filter has left. None: it is refused."""
    name = query.get("name", "") if "page" in query else ""
    if query.get("use_regex") != "true":
        name = re.escape(name)
    try:
        filtered = [item for item in items if re.search(name, item["name"], re.IGNORECASE)]
    except re.error:
        return None
    sorts = ["vhost", "name"]
    if "sort" in query:
        sorts = [query["sort"], *sorts] if query["sort"] else []
    for sort in reversed(sorts):
        filtered.sort(
            key=cmp_to_key(
                lambda one, other, sort=sort: compare(found_in(one, sort), found_in(other, sort))  # type: ignore[misc]
            )
        )
    if query.get("sort_reverse") == "true":
        filtered = filtered[::-1]
    count = len(filtered)
    if "page" in query:
        size = query.get("page_size", 100)
        first = (query["page"] - 1) * size
        if first and first >= count:
            return None
        filtered = filtered[first : first + size]
    if "columns" in query:
        wanted = [column.split(".") for column in query["columns"].split(",") if column]
        filtered = [only(entry, wanted) for entry in filtered]
    return filtered, count


async def reply(items: list[Entry], query: dict[str, Any], listed: Listed[Entry]) -> Answer:
    context = Context(API.management, API.request("GET", f"/some?{urlencode(query)}"), None)
    response = await reply_list(context, items, listed)
    if not isinstance(response.body, bytes):
        response.body = b"".join([piece async for piece in response.body])
    return Answer(response)


@examples(400)
@given(lists, queries, st.sets(st.sampled_from(["vhost", "name", "size", "deep"])))
def test_lists_are_what_they_are_the_plain_way(
    items: list[Entry], query: dict[str, Any], cheap: set[str]
) -> None:
    listed = Listed[Entry](
        dict,
        {key: (lambda entry, key=key: entry[key]) for key in cheap},  # type: ignore[misc]
    )
    if query.get("sort") == "deep":
        del query["sort"]  # objects have an order of their own
    wanted = plainly(items, query)
    if wanted is None:
        with pytest.raises(Refusal):
            API.runs(reply(items, query, listed))
        return
    entries_wanted, filtered = wanted
    found = API.runs(reply(items, query, listed)).json
    if "page" not in query:
        assert found == entries_wanted
        return
    assert found["items"] == entries_wanted
    assert (found["filtered_count"], found["total_count"]) == (filtered, len(items))
    assert (found["item_count"], found["page"]) == (len(entries_wanted), query["page"])
    assert found["page_count"] == -(-filtered // found["page_size"])
