"""The table of what is served. That it is RabbitMQ's is tested in tests/conformance."""

from __future__ import annotations

import re

from broker.management.prometheus.families import CLUSTER, FAMILIES, GROUPS, OWN


def test_help_texts_that_go_over_several_lines_are_put_together() -> None:
    found = {family.name: family for family in FAMILIES["channel_exchange_metrics"]}
    family = found["channel_messages_unroutable_returned_total"]
    assert family.kind == "counter"
    assert family.help == (
        "Total number of messages published as mandatory into an exchange and returned to the "
        "publisher as unroutable"
    )


def test_names_types_and_groups_are_well_formed() -> None:
    kinds = {"gauge", "counter", "untyped", "summary", "histogram"}
    for families in FAMILIES.values():
        for family in families:
            assert re.fullmatch(r"[a-z_]+", family.name)
            assert family.kind in kinds
            assert family.help
            assert family.kind != "counter" or family.name.endswith("_total")
    assert set(OWN) | set(CLUSTER) | set(GROUPS) <= set(FAMILIES)
