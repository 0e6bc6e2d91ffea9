"""What describes the API."""

from __future__ import annotations

from broker.management.openapi.forms import (
    ANYTHING,
    Answer,
    Operation,
    Paths,
    Schema,
    by_name,
    text,
)

TAG, ABOUT = "This reference", "What describes the API."

SHAPES: dict[str, Schema] = {}

PATHS: Paths = {
    "/openapi.json": {
        "GET": Operation(
            "This API as an OpenAPI document",
            "For tools that make clients or tests of it.",
            answers={200: Answer("OpenAPI 3.1.", by_name(ANYTHING))},
        )
    },
    "/index.html": {
        "GET": Operation(
            "This API as a page",
            "For people.",
            answers={200: Answer("HTML.", text(), "text/html")},
        )
    },
}
