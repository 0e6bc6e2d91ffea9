"""Every route with its description: what the OpenAPI document and the reference page are made of.

A route that is in no table would be there without a word; a test sees to it that there is none, and
that no table speaks of routes that are not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

from broker.management import routes
from broker.management.openapi import (
    accounts,
    beyond,
    connections,
    exchanges,
    health,
    itself,
    nodes,
    policies,
    queues,
    vhosts,
)
from broker.management.openapi.forms import Operation, Schema
from broker.management.routes import Endpoint, Route, Routes

# In the order in which they are shown. Each has TAG, ABOUT, SHAPES and PATHS.
CHAPTERS: tuple[ModuleType, ...] = (
    nodes,
    queues,
    exchanges,
    connections,
    vhosts,
    accounts,
    policies,
    beyond,
    health,
    itself,
)
NEEDS = {
    routes.ANYBODY: "Without a login.",
    routes.USER: "",
    routes.VHOST: "For users with permissions in the vhost.",
    routes.VISIBLE: "For users with permissions in the vhost, and monitors.",
    routes.MONITOR: "For monitors.",
    routes.POLICYMAKER: "For policymakers with permissions in the vhost.",
    routes.GLOBAL_POLICYMAKER: "For policymakers.",
    routes.ADMIN: "For administrators.",
}


class Described(NamedTuple):
    """One method of one path, and what is said of it."""

    chapter: ModuleType
    route: Route
    method: str
    endpoint: Endpoint
    operation: Operation

    @property
    def names(self) -> list[str]:
        """Of the parts of the path that stand for something."""
        return [part[1:] for part in self.route.parts if part.startswith(":")]

    @property
    def needs(self) -> str:
        """Who may ask, in a sentence."""
        return NEEDS[self.endpoint.needs]


def described(table: Routes) -> Iterator[Described]:
    """All routes, chapter by chapter, in the order of the tables."""
    found = {route.path: route for route in table.all()}
    for chapter in CHAPTERS:
        for path, operations in chapter.PATHS.items():
            if path not in found:
                continue
            route = found[path]
            for method, operation in operations.items():
                if method in route.endpoints:
                    yield Described(chapter, route, method, route.endpoints[method], operation)


def shapes() -> dict[str, Schema]:
    """All shapes that have a name."""
    return {name: shape for chapter in CHAPTERS for name, shape in chapter.SHAPES.items()}
