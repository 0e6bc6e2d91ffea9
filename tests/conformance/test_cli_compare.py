"""Where two answers of a tool differ, which of that is meant, and how it is told."""

from __future__ import annotations

import pytest

from tests.conformance.cli import deviations
from tests.conformance.cli.brokers import ENDLESS, Answer
from tests.conformance.cli.compare import Difference, compared, report
from tests.conformance.cli.deviations import Deviation, deviation, unmeant
from tests.conformance.cli.normalise import CRASHED, Normaliser
from tests.conformance.cli.steps import Call

SAME = Answer(0, "one\n", "")


def places(before: Answer, after: Answer) -> list[str]:
    return [difference.place for difference in compared("x", {"a": before}, {"a": after})]


def test_equal_answers_do_not_differ() -> None:
    assert compared("x", {"a": SAME}, {"a": SAME}) == []


def test_code_and_texts_are_compared() -> None:
    assert places(SAME, Answer(1, "two\n", "what")) == ["code", "stdout", "stderr"]
    assert places(SAME, SAME._replace(stderr="what")) == ["stderr"]


def test_what_one_of_both_has_alone_is_missing() -> None:
    alone = compared("x", {"a": SAME}, {})
    assert [(difference.label, difference.ours) for difference in alone][1:2] == [
        ("a", "(missing)")
    ]
    assert {difference.label for difference in compared("x", {}, {"b": SAME})} == {"b"}


@pytest.mark.parametrize(
    ("found", "is_fine"),
    [
        (Answer(64, "", "Error: no such formatter\n"), True),
        (Answer(0, "", "Error: no such formatter\n"), False),
        (Answer(64, "", ""), False),
        (Answer(1, "", "Traceback (most recent call last):\n"), False),
    ],
)
def test_where_rabbitmq_crashed_a_plain_error_will_do(found: Answer, is_fine: bool) -> None:
    assert (places(Answer(70, "", CRASHED), found) == []) is is_fine


@pytest.mark.parametrize(
    "stderr",
    [
        "** (ArgumentError) errors were found\n",
        "Stack trace: \n",
        "Error:\n{{:badmap, []}, [{:maps, :to_list, [[]], [file: 'maps.erl', line: 581]}]}\n",
    ],
)
def test_a_crash_is_recorded_as_such(stderr: str) -> None:
    call = Call("", "rabbitmqctl", ("status",))
    assert Normaliser({}).answer(call, Answer(70, "x", stderr)) == Answer(70, "", CRASHED)


def test_where_it_did_not_end_anything_will_do() -> None:
    assert places(Answer(ENDLESS, "", "(does not end)"), SAME) == []


def test_a_deviation_means_what_its_patterns_match(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Deviation("x", "list *", "stdout", "*", "", "ours is silent there")
    monkeypatch.setattr(deviations, "DEVIATIONS", [entry])
    meant = Difference("x", "list a", "stdout", "one", "")
    other = meant._replace(place="stderr")
    assert deviation(meant) is entry
    assert unmeant([meant, other]) == [other]


def test_a_report_shows_line_by_line_what_cannot_be_seen() -> None:
    text = report(compared("x", {"a b": SAME}, {"a b": Answer(2, "one\t\n", "")}))
    assert text.splitlines() == [
        "",
        "$ a b",
        "  code: RabbitMQ 0, ours 2",
        "  stdout:",
        "    @@ -1,2 +1,2 @@",
        "    -one",
        "    +one\\t",
        "     ",
    ]
