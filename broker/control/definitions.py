"""All definitions: out as JSON, and in again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from broker.amqp.erlang import Atom
from broker.amqp.errors import AMQPException
from broker.control.actions import ACTOR, Asked, action
from broker.control.host import DATA_ERROR, SOFTWARE, Failure, refused

BATCH = 50  # definitions that are dealt with in one go
TOKEN_MAX = 80  # letters that are shown of what is not understood
CHUNK = 64 * 1024  # letters that are sent at once
OF_CLUSTER = "internal"  # what names of global parameters begin with that are not exported
Shown = dict[str, Any]


@action()
async def export(asked: Asked) -> AsyncIterator[str | None]:
    """The document, in pieces."""
    from broker.management.request import encoded
    from broker.management.views import definitions as views

    version = asked.node.config.identity.product_version
    head = {"rabbit_version": version, "rabbitmq_version": version}
    parts = [encoded(head)[:-1].decode()]
    size = 0
    for category, found in views.of_node(asked.node).items():
        parts.append(f',"{category}":[')
        is_first = True
        for number, shown in enumerate(found()):
            if _is_exported(category, shown):
                parts.append(f"{'' if is_first else ','}{_text_of(asked, category, shown)}")
                size += len(parts[-1])
                is_first = False
            if size > CHUNK:
                yield "".join(parts)
                parts, size = [], 0
            if number % BATCH == 0:
                await asyncio.sleep(0)
        parts.append("]")
    yield "".join([*parts, "}"])


def _is_exported(category: str, shown: Shown) -> bool:
    """RabbitMQ's tool leaves out what a cluster knows itself by."""
    return category != "global_parameters" or not shown["name"].startswith(OF_CLUSTER)


def _text_of(asked: Asked, category: str, shown: Shown) -> str:
    """One definition as the tool writes it, which the HTTP API has in a somewhat other form."""
    from broker.management.request import encoded

    if category == "vhosts":
        shown = _vhost(asked, shown)
    elif category == "queues":
        shown["type"] = shown["arguments"].get("x-queue-type", "classic")
    elif category == "exchanges" and not shown["internal"]:
        del shown["internal"]  # which is left out of those that are not
    return encoded(shown).decode()


def _vhost(asked: Asked, shown: Shown) -> Shown:
    name = shown["name"]
    vhost = asked.node.vhosts.get(name)  # None: it has gone meanwhile
    limits = vhost.parameters.get(("vhost-limits", "limits")) if vhost is not None else None
    pairs = sorted(limits.items()) if isinstance(limits, dict) else []
    metadata = {"description": "", "tags": [], **shown.get("metadata", {})}
    return {"name": name, "limits": pairs, "metadata": metadata}


@action()
async def import_(asked: Asked, text: str) -> int:
    """text: JSON. Returns: how many were carried out. Raises: Failure."""
    from broker.management.operations.importing import Import
    from broker.management.operations.refused import Refused

    definitions = _parsed(text)
    plan = Import(asked.node, definitions, actor=ACTOR)
    commands = []
    try:
        for number, step in enumerate(plan.steps()):
            if step.command is not None:
                commands.append((step.category, step.command))
            if number % BATCH == 0:
                await asyncio.sleep(0)
    except Refused as error:
        raise _refusal(error.args) from None
    for start in range(0, len(commands), BATCH):
        batch = commands[start : start + BATCH]
        results = await asyncio.gather(
            *(asked.execute(command) for _, command in batch), return_exceptions=True
        )
        for (category, _), result in zip(batch, results, strict=True):
            if isinstance(result, AMQPException):
                if category != "bindings":
                    raise Failure(result.text)
            elif isinstance(result, BaseException):
                raise result
    return len(commands)


def _parsed(text: str) -> dict[str, Any]:
    """Raises: Failure."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        rest = text[error.pos :].rstrip() if isinstance(error, json.JSONDecodeError) else text
        token = json.dumps(rest[:TOKEN_MAX], ensure_ascii=False)
        reason = f"{{:unexpected_token, {token}}}" if rest else ":unexpected_end_of_buffer"
        problem = f"Failed to deserialise input (format: JSON) (error: {reason})"
        raise Failure(problem, DATA_ERROR) from None
    if not isinstance(found, dict):
        raise Failure(f"{{:badmap, {json.dumps(found)[:TOKEN_MAX]}}}\n", SOFTWARE)
    return found


def _refusal(reason: tuple[Any, ...]) -> Failure:
    word, *values = reason
    if word == "no_such_vhost":
        return refused(word, *values)
    return Failure(" ".join(map(str, reason)), kind="error", reason=Atom(str(word)))
