"""A node that is asked, and what its tables say it answers."""

from __future__ import annotations

from typing import Any

import pytest

from broker.management.openapi.described import CHAPTERS, shapes
from tests.support.api import Api
from tests.support.schemas import Schemas


class Told:
    """Asks a node, and holds its answers against the tables."""

    def __init__(self) -> None:
        self.api = Api()
        self.schemas = Schemas(shapes())

    def asks(self, method: str, path: str, names: dict[str, str] | None = None, **how: Any) -> Any:
        """path: as in the table; names: what its parts are; query, body, status: 200 if nothing is
        said. Returns: the answer's JSON; None: it has no body."""
        operation = next(ch.PATHS[path][method] for ch in CHAPTERS if path in ch.PATHS)
        filled = path
        for name, value in (names or {}).items():
            filled = filled.replace(f":{name}", value)
        path, body = filled + how.pop("query", ""), how.pop("body", None)
        answer = self.api.asks(method, path, body, content_type="application/json")
        status = how.pop("status", 200)
        assert not how
        assert answer.status == status, answer.response
        assert status in operation.answers
        schema = operation.answers[status].schema
        if schema is None:
            assert answer.body == b""
            return None
        found = answer.json
        self.schemas.check(schema, found)
        return found


@pytest.fixture
def told() -> Told:
    return Told()
