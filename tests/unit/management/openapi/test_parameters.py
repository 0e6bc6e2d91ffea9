"""Parts of paths, queries and headers are described, once each."""

from __future__ import annotations

import jsonschema

from broker.management.openapi.described import CHAPTERS
from broker.management.openapi.parameters import HEADERS, PATH, QUERY


def test_all_of_them_say_what_they_are() -> None:
    for table in (PATH, QUERY, HEADERS):
        for name, schema in table.items():
            jsonschema.Draft202012Validator.check_schema(schema)
            assert schema["description"].endswith("."), name


def test_none_is_described_that_nobody_has() -> None:
    operations = [
        (path, operation)
        for chapter in CHAPTERS
        for path, methods in chapter.PATHS.items()
        for operation in methods.values()
    ]
    in_paths = {part[1:] for path, _ in operations for part in path.split("/") if part[:1] == ":"}
    assert set(PATH) == in_paths
    assert set(QUERY) == {name for _, operation in operations for name in operation.query}
    assert set(HEADERS) == {name for _, operation in operations for name in operation.headers}
