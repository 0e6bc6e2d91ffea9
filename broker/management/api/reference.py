"""The reference of the API: as an OpenAPI document, and as a page.

What it is made of is imported when somebody asks for the first time: it costs neither the start of
the node nor the memory of one that nobody asks.
"""

from __future__ import annotations

import importlib
from base64 import b64encode
from hashlib import sha256
from typing import Any

from broker.management.application import Context
from broker.management.lane import Breath
from broker.management.request import JSON, Headers, Response, encoded
from broker.management.routes import ANYBODY, GET, ROUTES, route

PACKAGE = "broker.management.openapi"
# One needs those before it: each is imported in a slice of its own, of about a millisecond.
_MODULES = (
    *("forms", "parameters", "nodes", "queues", "exchanges", "connections", "vhosts"),
    *("accounts", "policies", "beyond", "health", "itself", "described", "document", "page"),
)
_HEADERS: Headers = [("cache-control", "no-cache"), ("x-content-type-options", "nosniff")]


async def _imported(context: Context, name: str) -> Any:
    """A module of the description."""
    breath = Breath(context.management.lane)
    for module in _MODULES:
        importlib.import_module(f"{PACKAGE}.{module}")
        await breath.take()
    return importlib.import_module(f"{PACKAGE}.{name}")


@route("/openapi.json", GET, needs=ANYBODY)
async def openapi(context: Context) -> Response:
    """The document."""
    document = await _imported(context, "document")
    prefix = context.node.config.management.path_prefix.strip("/")
    built = document.build(ROUTES, f"/{prefix}" if prefix else "")
    await context.management.lane.turn()  # two to three milliseconds; as JSON as many again
    return Response(200, [("content-type", JSON), *_HEADERS], encoded(built))


@route("/index.html", GET, needs=ANYBODY, provides="text/html")
async def index(context: Context) -> Response:
    """The page: it loads nothing, and runs nothing."""
    page = await _imported(context, "page")
    style = b64encode(sha256(page.STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'"
    headers = [("content-type", "text/html; charset=utf-8"), ("content-security-policy", policy)]
    return Response(200, [*headers, *_HEADERS], page.render(ROUTES).encode())
