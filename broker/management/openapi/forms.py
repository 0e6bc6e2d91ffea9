"""The words in which the HTTP API is described: JSON Schema in short, and operations.

Nothing of `openapi/` is imported before somebody asks for the description: neither the start of the
node nor an idle one pays for it. `document` joins it with the routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

Schema = dict[str, Any]

JSON = "application/json"
ANYTHING: Schema = {}


def _described(schema: Schema, about: str) -> Schema:
    return schema | {"description": about} if about else schema


def text(about: str = "", **more: Any) -> Schema:
    return _described({"type": "string", **more}, about)


def whole(about: str = "", **more: Any) -> Schema:
    return _described({"type": "integer", **more}, about)


def number(about: str = "") -> Schema:
    return _described({"type": "number"}, about)


def flag(about: str = "") -> Schema:
    return _described({"type": "boolean"}, about)


def choice(*values: Any, about: str = "") -> Schema:
    """One of these values."""
    return _described({"enum": list(values)}, about)


def each(items: Schema, about: str = "") -> Schema:
    """A list."""
    return _described({"type": "array", "items": items}, about)


def by_name(values: Schema, about: str = "") -> Schema:
    """An object whose keys are not known beforehand."""
    return _described({"type": "object", "additionalProperties": values}, about)


def either(*schemas: Schema, about: str = "") -> Schema:
    return _described({"anyOf": list(schemas)}, about)


def or_null(schema: Schema) -> Schema:
    about = schema.get("description", "")
    return either(
        {key: value for key, value in schema.items() if key != "description"},
        {"type": "null"},
        about=about,
    )


def shape(
    about: str, required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None
) -> Schema:
    """An object. optional: what is not always there."""
    schema: Schema = {"type": "object", "properties": {**required, **(optional or {})}}
    if required:
        schema["required"] = list(required)
    return _described(schema, about)


def ref(name: str, about: str = "") -> Schema:
    """One of the shapes that have a name."""
    return _described({"$ref": f"#/components/schemas/{name}"}, about)


def counted(names: Mapping[str, str]) -> dict[str, Schema]:
    """Numbers that have a rate: each with its details. names: what they are about."""
    found: dict[str, Schema] = {}
    for name, about in names.items():
        found[name] = number(about)
        found[f"{name}_details"] = ref("Rate")
    return found


_NAMED = shape("", {"name": text(), "vhost": text()})
DETAILED = "Only with `management.rates_mode = detailed`."


def _pair(who: str, schema: Schema) -> Schema:
    """What is counted of two: who the other one is, and what went between them."""
    return shape("", {"stats": ref("MessageStats"), who: schema})


WITH_EXCHANGE = _pair("exchange", _NAMED)
WITH_CHANNEL = _pair("channel_details", ref("ChannelDetails"))
WITH_QUEUE = _pair("queue", _NAMED)


class Answer(NamedTuple):
    """What may come. schema: of JSON; None: there is no body."""

    about: str
    schema: Schema | None = None
    media: str = JSON


class Operation(NamedTuple):
    """One method of one path.

    query: names in `parameters.QUERY`, headers: in `parameters.HEADERS`. body: what is sent, with
    an example of it; media: as what. answers: by status; those that all have are left out. names:
    what a part of the path is here, where it is not what `parameters.PATH` says.
    """

    summary: str
    about: str = ""
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    body: Schema | None = None
    example: Any = None
    media: tuple[str, ...] = (JSON,)
    answers: Mapping[int, Answer] = {}
    names: Mapping[str, Schema] = {}


Paths = dict[str, dict[str, Operation]]

# What a list may be asked for.
COLUMNS = ("columns",)
SORTED = ("sort", "sort_reverse", *COLUMNS)
PAGED = ("page", "page_size", "name", "use_regex", *SORTED)
STATS = ("disable_stats",)
RATES = ("msg_rates_age", "msg_rates_incr")
LENGTHS = ("lengths_age", "lengths_incr")
DATA = ("data_rates_age", "data_rates_incr")
NODE = ("node_stats_age", "node_stats_incr")


def shows(
    schema: Schema, summary: str, about: str = "", query: tuple[str, ...] = COLUMNS, **more: Any
) -> Operation:
    """A GET of one thing."""
    return Operation(summary, about, query, answers={200: Answer(summary, schema)}, **more)


def lists(name: str, summary: str, about: str = "", query: tuple[str, ...] = SORTED) -> Operation:
    """A GET of a list of the named shape; a page of it, where it has pages."""
    entries = each(ref(name))
    schema = either(entries, page_of(entries)) if "page" in query else entries
    return Operation(summary, about, query, answers={200: Answer(summary, schema)})


def page_of(entries: Schema) -> Schema:
    page = shape(
        "With `page` in the query.",
        {
            "items": entries,
            "page": whole("Its number, from 1."),
            "page_count": whole(),
            "page_size": whole(),
            "item_count": whole("Entries of this page."),
            "filtered_count": whole("Entries that fit the filter."),
            "total_count": whole("All entries."),
        },
    )
    return {"title": "page", **page}


CREATED = {201: Answer("It is there now."), 204: Answer("It was there already.")}
DONE = {204: Answer("Done.")}


def puts(
    body: Schema, example: Any, summary: str, about: str = "", is_new: bool = True, **more: Any
) -> Operation:
    """A PUT. is_new: whether it says if there was nothing before."""
    answers = CREATED if is_new else DONE
    return Operation(summary, about, (), (), body, example, answers=answers, **more)


def deletes(summary: str, about: str = "", query: tuple[str, ...] = (), **more: Any) -> Operation:
    return Operation(summary, about, query, answers=DONE, **more)
