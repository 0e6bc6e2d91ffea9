"""How plugins are shown; whole answers are in commands/test_plugins.py."""

from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.erlang import Atom
from broker.cli.formatters import FORMATTERS
from broker.cli.plugin_lines import rows, value

NODE = {"node": "rabbit@here"}


def done(mode: str, **names: list[str]) -> dict[str, Any]:
    lists: dict[str, list[str]] = {"set": ["a", "b"], **names}
    if mode == "online":
        lists = {"started": [], "stopped": [], **lists}
    return {"mode": Atom(mode), **lists}


@pytest.mark.parametrize(
    ("term", "lines"),
    [
        (done("online"), ["nothing to do."]),
        (done("online", started=["a"]), ["started 1 plugins."]),
        (done("online", stopped=["a", "b"]), ["stopped 2 plugins."]),
        (
            done("online", started=["a"], stopped=["b"]),
            ["started 1 plugins and stopped 1 plugins."],
        ),
        (done("offline"), ["set 2 plugins."]),
        (done("offline", set=[]), ["nothing to do."]),
        (done("offline", enabled=[]), ["Plugin configuration unchanged."]),
        (done("online", disabled=[]), ["Plugin configuration unchanged."]),
        (
            done("online", enabled=["a"], started=["a"]),
            ["The following plugins have been enabled:", "  a", "", "started 1 plugins."],
        ),
        (
            done("offline", disabled=["c"]),
            [
                *("The following plugins have been disabled:", "  c", "", "set 2 plugins."),
                "Offline change; changes will take effect at broker restart.",
            ],
        ),
        (
            [Atom("a")],
            [
                *("The following plugins have been configured:", "  a"),
                "Applying plugin configuration to rabbit@here...",
            ],
        ),
        (
            [],
            [
                "All plugins have been disabled.",
                "Applying plugin configuration to rabbit@here...",
            ],
        ),
    ],
)
def test_changes(term: Any, lines: list[str]) -> None:
    assert list(value(term, NODE)) == lines
    assert list(rows([term, term], NODE)) == lines * 2
    formatter = FORMATTERS["plugins"]
    assert list(formatter.value(term, NODE)) == list(formatter.rows([term], NODE)) == lines


@pytest.mark.parametrize("option", ["quiet", "silent"])
def test_the_legend_is_for_people(option: str) -> None:
    term = {"format": "normal", "plugins": [], "status": "node_down"}
    assert list(value(term, NODE)) == [
        " Configured: E = explicitly enabled; e = implicitly enabled",
        " | Status: [failed to contact rabbit@here - status not shown]",
        " |/",
    ]
    assert list(value(term, {**NODE, option: True})) == []
