from __future__ import annotations

from broker.marks import hot


def test_a_marked_function_is_itself_and_costs_nothing_more() -> None:
    def function() -> int:
        return 1

    assert hot(bench="somewhere")(function) is function
    assert function.__hot__ == "somewhere"  # type: ignore[attr-defined]
