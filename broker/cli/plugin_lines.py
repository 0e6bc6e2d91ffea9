"""How `rabbitmq-plugins` shows lists of plugins, and what has become of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from broker.amqp.erlang import flat

_MARKS = {"enabled": "E", "implicit": "e", "not_enabled": " "}


def value(term: Any, options: Mapping[str, Any]) -> Iterator[str]:
    """Lines of a list, of names, or of a change: maps as RabbitMQ's tools make them."""
    if isinstance(term, dict) and "plugins" in term:
        yield from _listed(term, options)
    elif isinstance(term, dict):
        yield from _changed(term)
    elif term:
        yield "The following plugins have been configured:"
        yield from (f"  {name}" for name in term)
        yield f"Applying plugin configuration to {options['node']}..."
    else:
        yield "All plugins have been disabled."
        yield f"Applying plugin configuration to {options['node']}..."


def rows(items: Iterable[Any], options: Mapping[str, Any]) -> Iterator[str]:
    for item in items:
        yield from value(item, options)


def _listed(term: dict[str, Any], options: Mapping[str, Any]) -> Iterator[str]:
    form = term["format"]
    if form != "minimal" and not options.get("quiet") and not options.get("silent"):
        node = options["node"]
        status = f"[failed to contact {node} - status not shown]"
        if term["status"] == "running":
            status = f"* = running on {node}"
        yield " Configured: E = explicitly enabled; e = implicitly enabled"
        yield f" | Status: {status}"
        yield " |/"
    width = max((len(plugin["name"]) for plugin in term["plugins"]), default=0)
    for plugin in term["plugins"]:
        name = plugin["name"]
        if form == "minimal":
            yield str(name)
            continue
        mark = f"[{_MARKS[plugin['enabled']]}{'*' if plugin['running'] else ' '}]"
        if form == "normal":
            yield f"{mark} {name.ljust(width)} {plugin['version']}"
            continue
        yield f"{mark} {name}"
        yield f"     Version:     \t{plugin['version']}"
        yield f"     Dependencies:\t{flat(plugin['dependencies'])}"
        yield f"     Description: \t{plugin['description']}"


def _changed(term: dict[str, Any]) -> Iterator[str]:
    word = next((word for word in ("enabled", "disabled") if word in term), None)
    if word is not None:
        if not term[word]:
            yield "Plugin configuration unchanged."
            return
        yield f"The following plugins have been {word}:"
        yield from (f"  {name}" for name in term[word])
        yield ""
    is_offline = term["mode"] == "offline"
    if is_offline:
        count = len(term["set"])
        parts = [f"set {count} plugins"] if count else []
    else:
        counts = (("started", len(term["started"])), ("stopped", len(term["stopped"])))
        parts = [f"{verb} {count} plugins" for verb, count in counts if count]
    yield f"{' and '.join(parts) or 'nothing to do'}."
    if is_offline and word is not None:
        yield "Offline change; changes will take effect at broker restart."
