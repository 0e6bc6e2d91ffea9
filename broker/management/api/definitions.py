"""All definitions, or those of a vhost: out, and in again.

A browser that downloads them by a link has nowhere to put its credentials but the query.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Iterable
from typing import Any

from broker.amqp.errors import AMQPException
from broker.commands import Command
from broker.management.application import Context
from broker.management.lane import Breath, Lane
from broker.management.multipart import parts_of
from broker.management.negotiation import media_type
from broker.management.operations.importing import Import, amqp_error
from broker.management.request import (
    JSON,
    Headers,
    Response,
    bad_request,
    encoded,
    missing,
    parsed,
)
from broker.management.routes import ADMIN, GET, POST, route
from broker.management.views import definitions as views

log = logging.getLogger("broker.management")

FORM = "multipart/form-data"
DOCUMENT_MAX = 64 * 1024 * 1024  # octets; RabbitMQ 3.10 takes any
BATCH = 50  # commands that are carried out in one go: half a millisecond
CHUNK = 16 * 1024  # octets that are sent at once
_LOCAL = re.compile(r"(?![/\\]{2})(?![a-zA-Z][a-zA-Z0-9+.-]*:)[\x21-\x7e]*")  # no other site


async def export(context: Context) -> Response:
    """All definitions, or those of a vhost. ?download=name: as a file."""
    node, wanted = context.node, context.wanted_vhost
    version = node.config.identity.product_version
    head: dict[str, Any] = {"rabbit_version": version}
    if wanted is None:
        head["rabbitmq_version"] = version
        head["product_name"] = node.config.identity.product
        head["product_version"] = version
        categories = views.of_node(node)
    else:
        vhost = node.vhosts.get(wanted)
        if vhost is None:
            raise bad_request("vhost_not_found")
        categories = views.of_vhost(vhost)
    headers: Headers = [("content-type", JSON), ("cache-control", "no-cache")]
    name = context.request.query.get("download")
    if name is not None:
        headers.append(("content-disposition", f"attachment; filename={_header_text(name)}"))
    if "columns" in context.request.query:
        whole = head | {category: list(found()) for category, found in categories.items()}
        return Response(200, headers, encoded(context.cut(whole)))
    return Response(200, headers, _written(head, categories, context.management.lane))


async def _written(
    head: dict[str, Any], categories: views.Categories, lane: Lane
) -> AsyncIterator[bytes]:
    """The document in chunks. They may be many: the node has its turns in between."""
    breath = Breath(lane)
    parts = [encoded(head)[:-1]]
    size = 0
    for category, found in categories.items():
        parts.append(b',"%b":[' % category.encode())
        separator = b""
        for shown in found():
            parts.append(separator + encoded(shown))
            separator = b","
            size += len(parts[-1])
            if size > CHUNK:
                yield b"".join(parts)
                parts, size = [], 0
            await breath.take()
        parts.append(b"]")
    yield b"".join([*parts, b"}"])


def _header_text(name: str) -> str:
    """What may stand in a header: no space at its end, either."""
    return "".join(letter for letter in name if " " <= letter <= "~").strip()


async def import_(context: Context) -> Response:
    """Make what is defined in a document: JSON, or the file of a form.

    What is there already is left as it is, but for users, permissions, policies and parameters.
    """
    kind, parameters = media_type(context.request)
    body, redirect = context.request.body, None
    if kind == FORM:
        parts = parts_of(body, parameters.get("boundary", ""))
        body = parts.get("file", b"null")
        redirect = parts.get("redirect", b"").decode("utf-8", "replace")
    definitions = _parsed(body)
    vhost = context.wanted_vhost
    if vhost is not None and vhost not in context.node.vhosts:
        raise missing("vhost_not_found")
    await _carry_out(context, definitions, vhost)
    if redirect and _LOCAL.fullmatch(redirect):
        return Response(303, [("location", redirect)])
    return Response(204)


def _parsed(body: bytes) -> dict[str, Any]:
    """Raises: Refusal."""
    try:
        found = parsed(body) if body else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise bad_request("failed_to_parse_json")
    return found


async def _carry_out(context: Context, definitions: dict[str, Any], vhost: str | None) -> None:
    """Raises: Refused, before anything is changed."""
    breath = Breath(context.management.lane)
    planned: dict[str, list[Command]] = {}
    actor = context.visitor.name
    plan = Import(context.node, definitions, actor=actor, vhost=vhost)
    for step in plan.steps():
        if step.command is not None:
            planned.setdefault(step.category, []).append(step.command)
        await breath.take()
    left_out = plan.skipped
    for category, commands in planned.items():
        for start in range(0, len(commands), BATCH):
            await breath.rest()
            results = await context.execute_all(commands[start : start + BATCH])
            left_out += _check(category, results, is_whole=vhost is None)
    log.info(
        "definitions were imported, user=%s vhost=%s count=%s left_out=%s",
        actor,
        vhost or "all",
        sum(map(len, planned.values())),
        left_out,
    )


def _check(category: str, results: Iterable[object], *, is_whole: bool) -> int:
    """Returns: how many bindings could not be made, as when one is of no use to its exchange.

    Raises: Refused: what else was refused, in spite of all.
    """
    left_out = 0
    for result in results:
        if isinstance(result, AMQPException):
            if category != "bindings":
                raise amqp_error(result, is_whole=is_whole)
            log.debug("a binding is left out of an import, reason=%s", result.text)
            left_out += 1
        elif isinstance(result, Exception):
            raise result
    return left_out


for _path in ("/definitions", "/definitions/:vhost", "/all-configuration"):
    route(_path, GET, needs=ADMIN, by_query=True)(export)
    route(_path, POST, needs=ADMIN, by_query=True, accepts=(JSON, FORM), body_max=DOCUMENT_MAX)(
        import_
    )
