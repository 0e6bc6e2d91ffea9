"""Lists: filtered, sorted, cut into pages and columns, as RabbitMQ's API does it.

A list may have tens of thousands of entries, and the node has messages to move: all of it is done
in slices (`Breath`). Where the page can be found without building every entry, by columns that cost
nothing (`Listed.cheap`), only its own entries are built. A long list is sent while it is put
together: its entries are never in memory all at once.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from itertools import compress, islice
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from broker.management.lane import Breath
from broker.management.pattern_cost import PATTERN_MAX, STEPS_MAX, TakesLongError, cost_of
from broker.management.request import JSON, Refusal, Response, bad_request, encoded
from broker.patterns import check_classes

if TYPE_CHECKING:
    from broker.management.application import Context

T = TypeVar("T")
Shown = dict[str, Any]
Column = tuple[str, ...]  # a.b.c
Tree = dict[str, "Tree | None"]  # columns by their parts; None: all that is below

CHUNK = 500  # entries that are sorted in one go
HANDFUL = 50  # that are looked at in one go
PLAIN: Sequence[set[type]] = ({str}, {int}, {float}, {int, float})  # compare as they are
STREAMED_FROM = 500  # entries of a list that is sent while it is put together
PIECE_OCTETS = 32 * 1024  # of it, sent at a time
PAGE_SIZE, PAGE_SIZE_MAX = 100, 500
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,4000}\Z")
# Columns of which there is all or nothing: in RabbitMQ these are maps, where others are lists of
# pairs. Of those nothing is left but an empty list, if none of them is wanted.
UNCUT = frozenset({"arguments", "backing_queue_status", "client_properties", "metadata"})


class Listed(Generic[T]):
    """What can be listed. show: builds an entry. cheap: columns that can be had without that."""

    def __init__(
        self,
        show: Callable[[T], Shown],
        cheap: Mapping[str, Callable[[T], Any]] | None = None,
        sorts: Sequence[str] = ("vhost", "name"),
    ):
        self.show = show
        self.cheap = cheap or {}
        self.sorts = tuple(sorts)


class Page(NamedTuple):
    """What part of a list is asked for. name: a filter, empty for none."""

    number: int
    size: int
    name: str
    use_regex: bool


def page_of(query: Mapping[str, str]) -> Page | None:
    """None: the whole list. Raises: Refusal, with RabbitMQ's texts."""
    number, size = _whole(query.get("page")), _whole(query.get("page_size"))
    if number is None:
        return None
    wanted = PAGE_SIZE if size is None else size
    if number <= 0 or not 0 < wanted <= PAGE_SIZE_MAX:
        shown = "undefined" if size is None else size
        reason = f"Invalid pagination parameters: page number {number}, page size {shown}"
        raise Refusal(400, "invalid_pagination_parameters", reason)
    return Page(number, wanted, query.get("name", ""), query.get("use_regex") == "true")


def _whole(text: str | None) -> int | None:
    """Raises: Refusal."""
    if text is None:
        return None
    if not WHOLE_NUMBER.match(text):
        raise Refusal(400, "bad_request", "Pagination parameters are invalid")
    return int(text)


def columns_of(query: Mapping[str, str]) -> list[Column] | None:
    """None: all."""
    text = query.get("columns")
    if text is None:
        return None
    columns = (
        tuple(part for part in column.split(".") if part) for column in text.split(",") if column
    )
    return list(dict.fromkeys(columns))


def tree_of(columns: list[Column] | None) -> Tree | None:
    """Columns by their first parts, so that many cost no more than few."""
    if columns is None:
        return None
    tree: Tree = {}
    for column in columns:
        branch = tree
        for part in column[:-1]:
            below = branch.setdefault(part, {})
            if below is None:  # all of it is wanted anyway
                break
            branch = below
        else:
            if column:
                branch[column[-1]] = None
    return tree


def cut(value: Any, columns: list[Column] | None) -> Any:
    """Only some columns of an object, or of each in a list. Returns: [] where there are none."""
    return prune(value, tree_of(columns))


def prune(value: Any, tree: Tree | None) -> Any:
    """`cut` with columns that are a tree."""
    if tree is None or not value:
        return value
    if isinstance(value, list):
        return [prune(entry, tree) for entry in value]
    if not isinstance(value, dict):
        return value
    found = {
        key: inner if key in UNCUT else prune(inner, tree[key])
        for key, inner in value.items()
        if key in tree
    }
    return found or []


def sort_key(value: Any) -> tuple[int, Any]:
    """Values in Erlang's order of terms: numbers, atoms, objects, lists, strings."""
    if value is None or isinstance(value, bool):
        return 1, {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return 0, value
    if isinstance(value, str):
        return 4, value.encode("utf-8", "surrogateescape")
    if isinstance(value, dict):
        return 2, (len(value), sorted((name, sort_key(inner)) for name, inner in value.items()))
    return 3, [sort_key(inner) for inner in value]


def dotted(entry: Any, name: str) -> Any:
    """The value of a.b.c in an entry; 0 where there is none, as in RabbitMQ."""
    for part in name.split("."):
        if not isinstance(entry, dict) or part not in entry:
            return 0
        entry = entry[part]
    return entry


async def reply_list(
    context: Context,
    items: Iterable[T],
    listed: Listed[T] | None = None,
    *,
    is_paginated: bool = True,
) -> Response:
    """Answer with a list of objects, or of entries that are ready if there is no `listed`.

    items: looked through in slices: what it goes by must not mind changes in between.
    """
    query = context.request.query
    what: Listed[Any] = listed if listed is not None else Listed[Any](_as_it_is)
    columns = columns_of(query)
    page = page_of(query) if is_paginated else None
    sorts = _sorts_of(query, what)
    breath = Breath(context.management.lane)
    entries: list[Any] = await _each(items, _as_it_is, breath)
    total = len(entries)
    cheap = what.cheap
    if not all(name in cheap for name in sorts) or (page and page.name and "name" not in cheap):
        what, entries = await _built(what, entries, (*sorts, "name"), columns, breath)
        columns = None  # they have been cut already
    if page is not None and page.name and entries:
        entries = await _filtered(entries, page, what.cheap["name"], breath)
    filtered = len(entries)
    first, end = (0, filtered) if page is None else _bounds(page, filtered)
    is_reversed = query.get("sort_reverse") == "true"
    if sorts:
        values = [what.cheap[name] for name in sorts]
        entries = await _sorted(entries, values, breath, end, is_reversed=is_reversed)
    elif is_reversed:
        entries.reverse()
    headers = [("content-type", JSON), ("cache-control", "no-cache")]
    entries = entries[first:end]
    pieces = _pieces(what, entries, columns, breath)
    if page is None and total > STREAMED_FROM:
        return Response(200, headers, pieces)
    body = b"".join([piece async for piece in pieces])
    if page is not None:
        body = _on_page(page, body, len(entries), filtered, total)
    return Response(200, headers, body)


def _on_page(page: Page, items: bytes, count: int, filtered: int, total: int) -> bytes:
    """items: as JSON, so many. filtered: entries that the filter lets through; total: all."""
    numbers = (page.number, -(-filtered // page.size), page.size, total)
    return b'{"filtered_count":%d,"item_count":%d,"items":%b,%b' % (
        filtered,
        count,
        items,
        b'"page":%d,"page_count":%d,"page_size":%d,"total_count":%d}' % numbers,
    )


def _sorts_of(query: Mapping[str, str], what: Listed[Any]) -> tuple[str, ...]:
    """The columns to sort by; RabbitMQ: by none where that of an empty name is asked for."""
    if "sort" not in query:
        return what.sorts
    return (query["sort"], *what.sorts) if query["sort"] else ()


def _as_it_is(entry: Any) -> Any:
    return entry


async def _pieces(
    what: Listed[T], entries: list[T], columns: list[Column] | None, breath: Breath
) -> AsyncIterator[bytes]:
    """The list as JSON, entry by entry: none is kept once it is written down."""
    takes, tree = _cheap_columns(what, columns), tree_of(columns)
    pieces, octets = [b"["], 0
    for at, entry in enumerate(entries):
        if takes is not None:
            shown: Any = {name: take(entry) for name, take in takes} or []
        else:
            shown = what.show(entry)
            if tree is not None:
                shown = prune(shown, tree)
        piece = shown if isinstance(shown, bytes) else encoded(shown)
        if at:
            pieces.append(b",")
        pieces.append(piece)
        octets += len(piece)
        if octets >= PIECE_OCTETS:
            yield b"".join(pieces)
            pieces, octets = [], 0
        if breath.is_over:
            await breath.rest()
    yield b"".join((*pieces, b"]"))


def _cheap_columns(
    what: Listed[T], columns: list[Column] | None
) -> list[tuple[str, Callable[[T], Any]]] | None:
    """How to get at the columns that are wanted, if all of them can be had without the rest."""
    if columns is None or not all(len(one) == 1 and one[0] in what.cheap for one in columns):
        return None
    return [(name, what.cheap[name]) for (name,) in columns]


class _Built(NamedTuple):
    """An entry that had to be built to be sorted: what it is sorted by, and itself as JSON."""

    values: tuple[Any, ...]
    octets: bytes


async def _built(
    what: Listed[T],
    entries: list[T],
    names: tuple[str, ...],
    columns: list[Column] | None,
    breath: Breath,
) -> tuple[Listed[Any], list[_Built]]:
    """Build every entry, keep what it is sorted by. Returns: how to list what has been built."""
    built, tree = [], tree_of(columns)
    for entry in entries:
        shown = what.show(entry)
        values = tuple(dotted(shown, name) for name in names)
        built.append(_Built(values, encoded(prune(shown, tree))))
        if breath.is_over:
            await breath.rest()
    cheap = {name: (lambda entry, at=at: entry.values[at]) for at, name in enumerate(names)}
    return Listed(lambda entry: entry.octets, cheap), built


async def _filtered(
    entries: list[Any], page: Page, name_of: Callable[[Any], Any], breath: Breath
) -> list[Any]:
    """Those whose name has the filter in it; case does not matter."""
    names = await _each(entries, lambda entry: str(name_of(entry)), breath)
    if page.use_regex:
        pattern = _name_pattern(page.name, max(map(len, names), default=0))
        found = await _each(names, pattern.search, breath, handful=1)
    else:
        wanted = page.name.lower()
        found = await _each(names, lambda name: wanted in name.lower(), breath)
    return list(compress(entries, found))


def _name_pattern(text: str, length: int) -> re.Pattern[str]:
    """length: of the longest name. Raises: Refusal."""
    too_long = bad_request("the pattern may take too long")
    if len(text) > PATTERN_MAX:
        raise too_long
    try:
        check_classes(text, re.IGNORECASE)
        pattern = re.compile(text, re.IGNORECASE)
        steps = cost_of(pattern).steps(length)
    except TakesLongError:
        raise too_long from None
    except (re.error, RecursionError, OverflowError):
        raise bad_request("Pagination parameters are invalid") from None
    if steps > STEPS_MAX:
        raise too_long
    return pattern


async def _each(
    items: Iterable[T], find: Callable[[T], Any], breath: Breath, handful: int = HANDFUL
) -> list[Any]:
    """What a function makes of each. handful: so many at a time, where it costs little."""
    found: list[Any] = []
    rest = iter(items)
    while some := [find(item) for item in islice(rest, handful)]:
        found += some
        if breath.is_over:
            await breath.rest()
    return found


async def _sorted(
    entries: list[T],
    values: Sequence[Callable[[T], Any]],
    breath: Breath,
    end: int,
    *,
    is_reversed: bool,
) -> list[T]:
    """The first of them, in order. end: how many are wanted."""
    columns = []
    for value in values:
        found = await _each(entries, value, breath)
        if set(map(type, found)) not in PLAIN:
            found = await _each(found, sort_key, breath)
        columns.append(found)
    # by its place in the end, so that the order is of all, and entries are not compared
    keyed = list(zip(*columns, range(len(entries)), strict=True))
    chunks = []
    for start in range(0, len(keyed), CHUNK):
        chunks.append(sorted(keyed[start : start + CHUNK], reverse=is_reversed))
        await breath.take()
    merged = chunks[0] if len(chunks) == 1 else heapq.merge(*chunks, reverse=is_reversed)
    return await _each(islice(merged, end), lambda key: entries[key[-1]], breath)


def _bounds(page: Page, count: int) -> tuple[int, int]:
    """Where a page begins and ends in a list of so many.

    Raises: Refusal, for one that is not there; the first always is.
    """
    first = (page.number - 1) * page.size
    if first >= count and first:
        reason = f"Page out of range, page: {page.number} page size: {page.size}, len: {count}"
        raise Refusal(400, "page_out_of_range", reason)
    return first, min(first + page.size, count)
