"""Every walk through the command line tools, on a broker process of ours."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase

import pytest

from tests.conformance.cli.acts import ACTS
from tests.conformance.cli.brokers import Ours, Walked, our_main
from tests.conformance.cli.compare import Difference, compared, report
from tests.conformance.cli.deviations import DEVIATIONS, deviation, unmeant
from tests.conformance.cli.player import play
from tests.conformance.cli.recording import read_answers
from tests.conformance.cli.steps import Act, sections

SECTIONS = sections()
SHOWN = 120  # lines
MAIN = our_main()

Found = dict[str, list[Difference]]


@pytest.fixture(scope="module")
def found() -> Found:
    """All that differs, section by section, as they are asked for."""
    return {}


def differences(found: Found, name: str) -> list[Difference]:
    if name not in found:
        assert MAIN is not None
        with Walked() as process:
            played = play(Ours(process, MAIN), SECTIONS[name])
        found[name] = compared(name, read_answers(name), played)
    return found[name]


@pytest.mark.parametrize("section", SECTIONS)
def test_the_tools_print_what_those_of_rabbitmq_print(section: str, found: Found) -> None:
    """Or what they are meant to print."""
    left = unmeant(differences(found, section))
    lines = report(left).splitlines()
    calls = len({difference.label for difference in left})
    assert not left, "\n".join([f"{calls} calls differ", *lines[:SHOWN]])


def test_the_deviations_are_needed(found: Found) -> None:
    """Each of them means some difference, and none that another one means already."""
    used = {deviation(difference) for name in SECTIONS for difference in differences(found, name)}
    assert [entry for entry in DEVIATIONS if entry not in used] == []


def test_the_deviations_are_of_sections_that_are_there() -> None:
    for entry in DEVIATIONS:
        assert any(fnmatchcase(section, entry.section) for section in SECTIONS), entry
        assert len(entry.reason.split()) >= 3, entry


@pytest.mark.parametrize("section", SECTIONS)
def test_the_recording_is_of_the_walk_as_it_is(section: str) -> None:
    assert list(read_answers(section)) == [label for label, _ in SECTIONS[section].calls()]
    acts = [step for step in SECTIONS[section].steps if isinstance(step, Act)]
    assert {act.name for act in acts} <= set(ACTS)


def test_there_are_enough_calls_of_each_tool() -> None:
    tools = Counter(call.tool for section in SECTIONS.values() for _, call in section.calls())
    assert tools["rabbitmqctl"] > 700
    assert tools["rabbitmq-diagnostics"] > 200
    assert min(tools["rabbitmq-plugins"], tools["rabbitmq-queues"]) > 70
