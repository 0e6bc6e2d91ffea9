"""The requests, by topic."""

from __future__ import annotations

from tests.conformance.http.cases import Section
from tests.conformance.http.sections import (
    access,
    bindings,
    connections,
    definitions,
    exchanges,
    health,
    listing,
    messages,
    methods,
    names,
    overview,
    parameters,
    permissions,
    policies,
    queues,
    statistics,
    users,
    vhosts,
)

MODULES = (
    *(methods, access, exchanges, queues, bindings, messages, names, vhosts, users, permissions),
    *(parameters, policies, definitions, listing, connections, statistics, overview, health),
)
SECTIONS: dict[str, Section] = {
    section.name: section for module in MODULES for section in module.sections()
}
