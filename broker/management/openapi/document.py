"""The HTTP API as an OpenAPI document (3.1)."""

from __future__ import annotations

from typing import Any

from broker.management.openapi.described import CHAPTERS, Described, described, shapes
from broker.management.openapi.forms import JSON, Answer, Schema, ref
from broker.management.openapi.parameters import HEADERS, PATH, QUERY
from broker.management.routes import ANYBODY, Routes
from broker.version import __version__

Shown = dict[str, Any]
ABOUT = """\
What RabbitMQ's management plugin has, with the same paths, keys and answers, and some more.

Names that stand in paths are percent-encoded: the vhost `/` is `%2F`. Who logs in needs one of the
tags `management`, `policymaker`, `monitoring`, `administrator`. With `columns` an answer has only
the keys that are asked for, whatever its shape requires."""

_REASON = ref("Reason")
REFUSALS: dict[str, tuple[int, Answer]] = {
    "BadRequest": (400, Answer("The request is wrong, or was refused by the broker.", _REASON)),
    "NotAuthorised": (401, Answer("Not logged in, or not allowed to do this.", _REASON)),
    "NotFound": (404, Answer("What the path names is not there.", _REASON)),
    "NotAcceptable": (406, Answer("The answer is of no kind that `Accept` asks for.")),
    "TooLarge": (413, Answer("The body is larger than may be.", _REASON)),
    "UnknownMedia": (415, Answer("The body is of a kind that is not taken.", _REASON)),
    "TooManyRequests": (429, Answer("Too many logins have failed.", _REASON)),
}
_WITH_LOGIN = ("NotAuthorised", "TooManyRequests")
_WITH_BODY = ("TooLarge", "UnknownMedia")


def build(table: Routes, prefix: str = "") -> Shown:
    """prefix: what is in front of /api."""
    paths: dict[str, Shown] = {}
    for one in described(table):
        paths.setdefault(_path(one), {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Leveret HTTP API", "version": __version__, "description": ABOUT},
        "servers": [{"url": f"{prefix}/api"}],
        "security": [{"basic": []}],
        "tags": [{"name": chapter.TAG, "description": chapter.ABOUT} for chapter in CHAPTERS],
        "paths": paths,
        "components": {
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
            "schemas": shapes(),
            "responses": {name: _answer(answer) for name, (_, answer) in REFUSALS.items()},
        },
    }


def _path(one: Described) -> str:
    parts = [f"{{{part[1:]}}}" if part.startswith(":") else part for part in one.route.parts]
    return "/" + "/".join(parts)


def _operation(one: Described) -> Shown:
    operation = one.operation
    shown: Shown = {
        "operationId": operation_id(one.method, one.route.parts),
        "tags": [one.chapter.TAG],
        "summary": operation.summary,
    }
    about = " ".join(filter(None, (operation.about, one.needs)))
    if about:
        shown["description"] = about
    if one.endpoint.needs == ANYBODY:
        shown["security"] = []
    parameters = [_of_path(name, operation.names) for name in one.names]
    parameters += [_parameter("query", name, QUERY[name]) for name in operation.query]
    parameters += [_parameter("header", name, HEADERS[name]) for name in operation.headers]
    if parameters:
        shown["parameters"] = parameters
    if operation.body is not None:
        content: Shown = {"schema": operation.body}
        if operation.example is not None:
            content["example"] = operation.example
        shown["requestBody"] = {
            "required": bool(operation.body.get("required") or "$ref" in operation.body),
            "content": dict.fromkeys(operation.media, content),
        }
    shown["responses"] = _responses(one)
    return shown


def operation_id(method: str, parts: tuple[str, ...]) -> str:
    """As get_queues_vhost_queue: unique, and a name in most languages."""
    words = [part.lstrip(":").replace("-", "_").replace(".", "_") for part in parts]
    return "_".join([method.lower(), *words])


def _of_path(name: str, names: Any) -> Shown:
    return {**_parameter("path", name, names.get(name, PATH[name])), "required": True}


def _parameter(place: str, name: str, schema: Schema) -> Shown:
    shown: Shown = {"name": name, "in": place}
    if "description" in schema:
        shown["description"] = schema["description"]
    shown["schema"] = {key: value for key, value in schema.items() if key != "description"}
    return shown


def _responses(one: Described) -> Shown:
    names = ["BadRequest", "NotAcceptable"]
    if one.endpoint.needs != ANYBODY:
        names += _WITH_LOGIN
    if one.names:
        names.append("NotFound")
    if one.operation.body is not None:
        names += _WITH_BODY
    answers = {str(status): _answer(answer) for status, answer in one.operation.answers.items()}
    refusals = {
        str(REFUSALS[name][0]): {"$ref": f"#/components/responses/{name}"} for name in names
    }
    return dict(sorted({**refusals, **answers}.items()))


def _answer(answer: Answer) -> Shown:
    shown: Shown = {"description": answer.about}
    if answer.schema is not None:
        shown["content"] = {answer.media: {"schema": answer.schema}}
    return shown


__all__ = ["JSON", "build"]
