"""Whether values are what the OpenAPI document says of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema

Schema = dict[str, Any]


class Schemas:
    """Those of one document. `seen` grows: the keys of named shapes that were there.

    is_closed: a key that is not described is a problem. A client of the API expects new ones.
    """

    def __init__(self, shapes: dict[str, Schema], *, is_closed: bool = True):
        self._close: Callable[[Any], Any] = _closed if is_closed else _as_it_is
        self._shapes = {name: self._close(shape) for name, shape in shapes.items()}
        self.seen: set[tuple[str, str]] = set()

    def check(self, schema: Schema, value: Any) -> None:
        """Raises: AssertionError, with all that is wrong."""
        problems = [
            f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
            for error in self._validator(self._close(schema)).iter_errors(value)
        ]
        if problems:
            raise AssertionError("; ".join(problems))
        self._note(schema, value)

    def check_named(self, name: str, value: Any) -> None:
        self.check({"$ref": f"#/components/schemas/{name}"}, value)

    def unseen(self) -> set[tuple[str, str]]:
        """Keys that are described, and were never there."""
        described = {
            (name, key)
            for name, shape in self._shapes.items()
            for key in shape.get("properties", {})
        }
        return described - self.seen

    def _validator(self, schema: Schema) -> jsonschema.Draft202012Validator:
        return jsonschema.Draft202012Validator({**schema, "components": {"schemas": self._shapes}})

    def _note(self, schema: Schema, value: Any, name: str = "") -> None:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            self._note(self._shapes[name], value, name)
        for inner in schema.get("anyOf", ()):
            if self._validator(inner).is_valid(value):
                self._note(inner, value)
        if isinstance(value, list) and schema.get("items"):
            for entry in value:
                self._note(schema["items"], entry)
        if isinstance(value, dict):
            if name:
                self.seen |= {(name, key) for key in value}
            for key, inner in schema.get("properties", {}).items():
                if key in value:
                    self._note(inner, value[key])


def _as_it_is(schema: Any) -> Any:
    return schema


def _closed(schema: Any) -> Any:
    """The same, with no keys but those that it names."""
    if isinstance(schema, list):
        return [_closed(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(inner) for key, inner in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed
