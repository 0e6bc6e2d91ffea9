"""Every case of the walk through the HTTP API, asked of a broker process of ours."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest

from tests.conformance.http.compare import Difference, compared
from tests.conformance.http.deviations import DEVIATIONS, deviation, unmeant
from tests.conformance.http.player import play
from tests.conformance.http.recording import read_answers
from tests.conformance.http.report import report
from tests.conformance.http.sections import SECTIONS
from tests.conformance.http.stage import Broker, users
from tests.support.process import BrokerProcess

SETTLE_S = 1.0  # ours counts at once, and looks five times a second
SHOWN = 60  # lines
# Sections in which some answers are still other ones. It shrinks.
NOT_YET: set[str] = set()

Found = dict[str, list[Difference]]


@pytest.fixture(scope="module")
def found() -> Iterator[Found]:
    """All that differs, section by section, in their order: they share the users."""
    interval = ("--set", "collect_statistics_interval=200")
    with BrokerProcess("--management-port", "0", "--prometheus-port", "0", *interval) as process:
        broker = Broker(process.port, int(process.ports["management"] or 0), SETTLE_S)
        with users(broker):
            differences = {}
            for name, section in SECTIONS.items():
                recorded = read_answers(name)
                differences[name] = compared(name, recorded, play(broker, section, recorded))
        yield differences


@pytest.mark.parametrize("section", SECTIONS)
def test_the_answers_are_those_of_rabbitmq(section: str, found: Found) -> None:
    """Or the other ones that they are meant to be."""
    recorded = read_answers(section)
    assert list(recorded) == [name for name, _ in SECTIONS[section].cases()], "record it again"
    lines = unmeant(found[section])
    if section in NOT_YET:
        assert lines, "equal by now: take it off the list"
        pytest.skip(f"{len(lines)} differences are left")
    text = report(lines, len(recorded)).splitlines()
    assert not lines, "\n".join(["", *text[:SHOWN]])


def test_the_deviations_are_needed(found: Found) -> None:
    """Each of them means some difference, and none that another one means already."""
    used = {deviation(difference) for section in SECTIONS for difference in found[section]}
    assert [entry for entry in DEVIATIONS if entry not in used] == []


def test_the_deviations_are_of_sections_that_are_there() -> None:
    for entry in DEVIATIONS:
        assert any(fnmatchcase(section, entry.section) for section in SECTIONS), entry
        assert len(entry.reason.split()) >= 3, entry


def test_there_are_enough_cases() -> None:
    assert sum(len(section.cases()) for section in SECTIONS.values()) > 7000
