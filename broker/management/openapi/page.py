"""The HTTP API as a page for people: what there is, chapter by chapter, and how to ask for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from itertools import groupby
from typing import Any

from broker.management.openapi.described import Described, described, shapes
from broker.management.openapi.forms import Schema
from broker.management.routes import DELETE, GET, POST, PUT, Routes

METHODS = (GET, PUT, DELETE, POST)
STYLE = """\
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 0 auto; padding: 1rem; }
h2 { margin-top: 2.5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid #8886; padding: .4rem .6rem; text-align: left; vertical-align: top; }
th.method, td.method { text-align: center; width: 3.5rem; }
td p { margin: 0 0 .4rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
pre { padding: .5rem; background: #8882; margin: .4rem 0; }
td.path { overflow-wrap: anywhere; min-width: 15rem; }
.path i { color: #b5520a; }
.more { opacity: .75; }
nav a { margin-right: 1rem; white-space: nowrap; }
@media (max-width: 45rem) { td, th { padding: .25rem; } td.path { min-width: 0; } }
@media (prefers-color-scheme: dark) { .path i { color: #ffa657; } a { color: #79b8ff; } }
"""
INTRODUCTION = """\
<p>All paths but those that say so ask for a name and a password (HTTP basic authentication) of a
user with one of the tags <code>management</code>, <code>policymaker</code>,
<code>monitoring</code>, <code>administrator</code>. Bodies and answers are JSON; names in paths are
percent-encoded, so that the vhost <code>/</code> is <code>%2F</code>.</p>
<pre>curl -u guest:guest localhost:15672/api/queues/%2F?sort=messages&amp;sort_reverse=true
curl -u guest:guest -X PUT localhost:15672/api/queues/%2F/orders -d '{"durable": true}'</pre>
<p>What is PUT is there from then on: 201 if it was not before, 204 if it was. Refusals are 400, 401
and 404, and say why: <code>{"error": "bad_request", "reason": "…"}</code>. Keys that
are always there, or have to be, are <b>bold</b> below.</p>
<p>Lists take <code>sort</code>, <code>sort_reverse</code> and <code>columns</code>, with
<code>a.b</code> for a key inside of another. Where <code>page</code> is named they come in pages of
<code>page_size</code> (at most 500), filtered by <code>name</code>. <code>disable_stats=true</code>
leaves out what is counted and measured. Numbers have a rate in <code>…_details</code>, and samples
if <code>msg_rates_age</code> and <code>msg_rates_incr</code> (seconds) ask for them, or
<code>lengths_…</code>, <code>data_rates_…</code>, <code>node_stats_…</code>.</p>
<p>The same for tools: <a href="openapi.json">openapi.json</a>.</p>
"""


def render(table: Routes) -> str:
    """The page: needs nothing but itself."""
    chapters = [
        (chapter, list(entries))
        for chapter, entries in groupby(described(table), lambda one: one.chapter)
    ]
    links = " ".join(
        f'<a href="#{_anchor(chapter.TAG)}">{escape(chapter.TAG)}</a>' for chapter, _ in chapters
    )
    body = "".join(_chapter(chapter, entries) for chapter, entries in chapters)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Leveret HTTP API</title><style>{STYLE}</style></head><body>"
        f"<h1>Leveret HTTP API</h1>{INTRODUCTION}"
        f'<nav>{links} <a href="#shapes">Shapes</a></nav>{body}{_shapes()}</body></html>\n'
    )


def _anchor(tag: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in tag.lower())


def _chapter(chapter: Any, entries: list[Described]) -> str:
    head = "".join(f'<th class="method">{method}</th>' for method in METHODS)
    rows = "".join(
        _row(path, list(of_path)) for path, of_path in groupby(entries, lambda one: one.route.path)
    )
    return (
        f'<h2 id="{_anchor(chapter.TAG)}">{escape(chapter.TAG)}</h2><p>{escape(chapter.ABOUT)}</p>'
        f"<table><thead><tr>{head}<th>Path</th><th>Description</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _row(path: str, entries: list[Described]) -> str:
    there = {one.method for one in entries}
    marks = "".join(f'<td class="method">{"✓" if m in there else ""}</td>' for m in METHODS)
    parts = "".join(
        f"/<wbr><i>{escape(part[1:])}</i>" if part.startswith(":") else f"/<wbr>{escape(part)}"
        for part in path.strip("/").split("/")
    )
    text = "".join(_told(one, len(entries) > 1) for one in entries)
    return f'<tr>{marks}<td class="path"><code>/api{parts}</code></td><td>{text}</td></tr>'


def _told(one: Described, is_one_of_several: bool) -> str:
    operation = one.operation
    name = f"<b>{one.method}</b>: " if is_one_of_several else ""
    words = [f"{operation.summary}.", operation.about, one.needs]
    text = f"<p>{name}{_marked(' '.join(filter(None, words)))}"
    asked = [f"<code>{escape(word)}</code>" for word in (*operation.query, *operation.headers)]
    if asked:
        text += f' <span class="more">{", ".join(asked)}</span>'
    if 200 in operation.answers and operation.answers[200].schema:
        text += f' <span class="more">→ {_kind(operation.answers[200].schema)}</span>'
    if operation.body is not None and operation.example:
        text += f"<pre>{escape(json.dumps(operation.example))}</pre>"
    return f"{text}</p>"


def _marked(text: str) -> str:
    """Escaped; what stands between backticks is code."""
    parts = escape(text, quote=False).split("`")
    return "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))


def _shapes() -> str:
    rows = "".join(_shape(name, schema) for name, schema in shapes().items())
    return f'<h2 id="shapes">Shapes</h2><p>What is in bodies and answers.</p>{rows}'


def _shape(name: str, schema: Schema) -> str:
    required = schema.get("required", [])
    rows = "".join(
        f"<tr><td><code>{_bold(key, key in required)}</code></td><td>{_kind(inner)}</td>"
        f"<td>{_marked(inner.get('description', ''))}</td></tr>"
        for key, inner in schema.get("properties", {}).items()
    )
    table = f"<table><tbody>{rows}</tbody></table>" if rows else ""
    about = _marked(schema.get("description", ""))
    return f'<h3 id="{name}">{name}</h3><p>{about}</p>{table}'


def _bold(name: str, is_bold: bool) -> str:
    return f"<b>{escape(name)}</b>" if is_bold else escape(name)


def _kind(schema: Schema) -> str:
    """What a value is, in a word or two."""
    return " or ".join(_kinds(schema))


def _kinds(schema: Schema) -> Iterator[str]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield f'<a href="#{name}">{name}</a>'
    elif "anyOf" in schema:
        yield from dict.fromkeys(kind for one in schema["anyOf"] for kind in _kinds(one))
    elif "enum" in schema:
        yield " or ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    elif schema.get("type") == "array":
        yield f"list of {_kind(schema['items'])}" if schema["items"] else "list"
    else:
        kind = schema.get("title") or schema.get("type", "anything")
        yield from [kind] if isinstance(kind, str) else kind
