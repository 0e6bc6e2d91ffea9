"""Definitions of policies are refused in RabbitMQ's words; the texts are those of 3.10.8."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from broker.policies.settings import SETTINGS, definition_problem

MIRRORED = {"ha-mode": "all"}


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        ({"max-length": -1}, "-1 is not a valid maximum length"),
        ({"max-length": "x"}, '<<"x">> is not a valid maximum length'),
        ({"max-length": True}, "true is not a valid maximum length"),
        ({"message-ttl": 1.5}, "1.5 is not a valid message TTL"),
        ({"message-ttl": None}, "null is not a valid message TTL"),
        ({"expires": 0}, "0 is not a valid queue expiry"),
        (
            {"overflow": {"a": [1, "x", None, True]}},
            '#{<<"a">> => [1,<<"x">>,null,true]} is not a valid overflow value',
        ),
        ({"overflow": "é"}, '<<"é">> is not a valid overflow value'),
        ({"foo": 1}, '[{<<"foo">>,1}] are not recognised policy settings'),
        (
            {"foo": 1, "bar": "x", "max-length": 3},
            '[{<<"bar">>,<<"x">>},{<<"foo">>,1}] are not recognised policy settings',
        ),
        ({}, "no policy provided"),
        ("x", 'definition must be a dictionary: <<"x">>'),
        ({"queue-master-locator": "x"}, '<<"x">> invalid queue-master-locator value'),
        ({"shards-per-node": "x"}, 'shards-per-node should be a number, actually was <<"x">>'),
        ({"shards-per-node": 2, "routing-key": 5}, "routing-key should be binary, actually was 5"),
        ({"max-length": -1, "message-ttl": -2, "z": 3}, "-1 is not a valid maximum length"),
        ({"queue-master-locator": 1, "expires": 0}, "1 invalid queue-master-locator value"),
        ({"ha-mode": "x", "max-length": -1}, "-1 is not a valid maximum length"),
        ({"max-age": "5x"}, '<<"5x">> is not a valid max age'),
        ({"stream-filter-size-bytes": 5}, "5 is not a valid filter size. Valid range is 16-255"),
        ({"ha-mode": "x"}, '<<"x">> is not a valid ha-mode value'),
        ({"ha-mode": "exactly"}, 'ha-mode="exactly" takes an integer, none given'),
        (
            {"ha-mode": "exactly", "ha-params": "x"},
            'ha-mode="exactly" takes an integer, <<"x">> given',
        ),
        (
            {"ha-params": 2},
            "ha-mode must be specified to specify ha-params, ha-sync-mode or"
            " ha-promote-on-shutdown",
        ),
        ({"ha-mode": "nodes"}, 'ha-mode="nodes" takes a list, none given'),
        ({"ha-mode": "nodes", "ha-params": None}, 'ha-mode="nodes" takes a list, null given'),
        ({"ha-mode": "nodes", "ha-params": []}, 'ha-mode="nodes" list must be non-empty'),
        (
            {"ha-mode": "nodes", "ha-params": [3]},
            'ha-mode="nodes" takes a list of strings, [3] was not a string',
        ),
        ({**MIRRORED, "ha-params": 2}, 'ha-mode="all" does not take parameters'),
        (
            {**MIRRORED, "ha-sync-mode": "x"},
            'ha-sync-mode must be "manual" or "automatic", got <<"x">>',
        ),
        (
            {**MIRRORED, "ha-sync-batch-size": 0},
            "ha-sync-batch-size takes an integer greater than 0, 0 given",
        ),
        (
            {**MIRRORED, "ha-promote-on-failure": "x"},
            'ha-promote-on-failure must be "always" or "when-synced", got <<"x">>',
        ),
    ],
)
def test_what_is_wrong_with_a_definition(definition: object, problem: str) -> None:
    assert definition_problem(definition, for_operators=False) == problem


@pytest.mark.parametrize(
    "definition",
    [
        {"max-length": 0, "expires": 1, "overflow": "reject-publish-dlx"},
        {"ha-mode": "exactly", "ha-params": 2, "ha-sync-mode": "automatic"},
        {"ha-mode": "nodes", "ha-params": ["rabbit@a"], "ha-promote-on-shutdown": "always"},
        {"max-age": "7D", "queue-version": 2, "queue-mode": "lazy", "delivery-limit": 3},
        {"alternate-exchange": "", "dead-letter-strategy": "at-least-once"},
    ],
)
def test_what_is_fine(definition: Mapping[str, object]) -> None:
    assert definition_problem(definition, for_operators=False) is None


def test_operators_may_set_limits_only() -> None:
    assert definition_problem({"max-length": 3}, for_operators=True) is None
    assert definition_problem({"alternate-exchange": "a"}, for_operators=True) == (
        '[{<<"alternate-exchange">>,<<"a">>}] are not recognised policy settings'
    )
    assert definition_problem({"ha-mode": "x", "ha-params": 2}, for_operators=True) == (
        '[{<<"ha-mode">>,<<"x">>},{<<"ha-params">>,2}] are not recognised policy settings'
    )
    assert definition_problem({"max-length": "x"}, for_operators=True) == (
        '<<"x">> is not a valid maximum length'
    )


def test_every_setting_refuses_something() -> None:
    for name, setting in SETTINGS.items():
        if not name.startswith("ha-"):
            assert setting.problem([[]]), name
