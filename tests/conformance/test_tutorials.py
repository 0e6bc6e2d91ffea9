"""The lessons of docs/tutorials, run as a reader would run them, in every language on this machine.

The programs of a lesson print the same lines in each language, so one conversation is checked
three times. Ruby needs the bunny gem; JavaScript needs node and an npm that can install amqplib.
What is missing is skipped, and says so.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conformance.programs.running import Program, broker_port, wait_until

TUTORIALS = Path(__file__).parents[2] / "docs" / "tutorials"
NPM_TIMEOUT_S = 60

Start = Callable[..., Program]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with broker_port() as port:
        yield port


def prepare_python(scratch: Path) -> tuple[Path, list[str], str]:
    return TUTORIALS / "python", [sys.executable], ".py"


def prepare_ruby(scratch: Path) -> tuple[Path, list[str], str]:
    ruby = shutil.which("ruby")
    if ruby is None:
        pytest.skip("no ruby on this machine")
    check = subprocess.run([ruby, "-e", 'require "bunny"'], capture_output=True, check=False)
    if check.returncode:
        pytest.skip("this ruby has no bunny gem")
    return TUTORIALS / "ruby", [ruby], ".rb"


def prepare_javascript(scratch: Path) -> tuple[Path, list[str], str]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("no node and npm on this machine")
    lessons = scratch / "javascript"
    shutil.copytree(
        TUTORIALS / "javascript", lessons, ignore=shutil.ignore_patterns("node_modules")
    )
    try:
        subprocess.run(
            [npm, "ci", "--no-audit", "--no-fund"],
            cwd=lessons,
            capture_output=True,
            check=True,
            timeout=NPM_TIMEOUT_S,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"npm could not install amqplib: {error}")
    return lessons, [node], ".js"


PREPARE = {
    "python": prepare_python,
    "ruby": prepare_ruby,
    "javascript": prepare_javascript,
}


@pytest.fixture(scope="module", params=PREPARE)
def lessons(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str], str]:
    """Where the lessons are, what runs them, their suffix."""
    return PREPARE[request.param](tmp_path_factory.mktemp("lessons"))


@pytest.fixture
def start(port: int, lessons: tuple[Path, list[str], str]) -> Iterator[Start]:
    """Starts one program of a lesson; all are stopped when the test ends."""
    folder, interpreter, suffix = lessons
    with ExitStack() as running:

        def start(name: str, *arguments: str) -> Program:
            command = [*interpreter, f"{name}{suffix}", *arguments]
            program = Program(command, cwd=folder, env={"LEVERET_PORT": str(port)})
            return running.enter_context(program)

        yield start


def test_notes_are_read_in_the_order_they_were_left(start: Start) -> None:
    first = start("1_notes", "leave", "the kettle is hot").ends()
    assert first == ["left: the kettle is hot"]
    reader = start("1_notes", "read").waits_for("note: the kettle is hot")
    start("1_notes", "leave", "tea", "is", "served").ends()
    reader.waits_for("note: tea is served")
    reader.interrupt()
    lines = [line for line in reader.ends() if line.startswith("note")]
    assert lines == ["note: the kettle is hot", "note: tea is served"]


def test_orders_are_shared_and_survive_a_packer(start: Start) -> None:
    ada = start("2_packing", "pack", "Ada").waits_for("Ada is ready to pack")
    bob = start("2_packing", "pack", "Bob").waits_for("Bob is ready to pack")
    start("2_packing", "order", "map", "pen", "tea", "jug").ends()

    def done() -> list[str]:
        return [line.split()[-1] for line in ada.lines + bob.lines if " is done with " in line]

    wait_until(lambda: len(done()) >= 4, lambda: ada.describe() + bob.describe())
    assert sorted(done()) == ["jug", "map", "pen", "tea"]
    assert any("packs" in line for line in ada.lines)
    assert any("packs" in line for line in bob.lines)

    slow = "twenty-seven-part-teapot"
    start("2_packing", "order", slow).ends()
    wait_until(lambda: slow in ada.text + bob.text, lambda: ada.describe() + bob.describe())
    ill, other, name = (ada, bob, "Bob") if slow in ada.text else (bob, ada, "Ada")
    ill.kill()
    other.waits_for(f"{name} packs {slow} (begun before)", f"{name} is done with {slow}")


def test_an_announcement_is_heard_from_every_loudspeaker(start: Start) -> None:
    start("3_loudspeakers", "announce", "too early").ends()
    speakers = [start("3_loudspeakers", "listen") for _ in range(3)]
    for speaker in speakers:
        speaker.waits_for("listening")
    start("3_loudspeakers", "announce", "the last train leaves at nine").ends()
    for speaker in speakers:
        speaker.waits_for("heard: the last train leaves at nine")
        assert "heard: too early" not in speaker.lines


def test_parcels_roll_to_the_gates_of_their_direction(start: Start) -> None:
    north = start("4_gates", "open", "north").waits_for("open for north")
    both = start("4_gates", "open", "south", "north").waits_for("open for south, north")
    for direction, parcel in (("north", "skis"), ("west", "hats"), ("south", "oranges")):
        start("4_gates", "send", direction, parcel).ends()
    start("4_gates", "send", "north", "and a sledge").ends()
    north.waits_for("loaded for north: and a sledge")
    both.waits_for("loaded for north: and a sledge")
    assert north.lines[1:] == ["loaded for north: skis", "loaded for north: and a sledge"]
    assert both.lines[1:] == [
        "loaded for north: skis",
        "loaded for south: oranges",
        "loaded for north: and a sledge",
    ]


def test_events_reach_those_whose_patterns_match(start: Start) -> None:
    events = ["oslo.letter.arrived", "oslo", "rome.parcel.lost", "rome.letter.sent", "lost"]
    watchers = {
        ("oslo.#",): ["oslo.letter.arrived", "oslo"],
        ("*.letter.*",): ["oslo.letter.arrived", "rome.letter.sent"],
        ("*.letter.*", "#.lost"): events[:1] + events[2:],
        ("#", "oslo.*.arrived"): events,
    }
    programs = {patterns: start("5_tracking", "watch", *patterns) for patterns in watchers}
    for patterns, program in programs.items():
        program.waits_for("watching " + " ".join(patterns))
    for event in events:
        start("5_tracking", "report", event, "well").ends()
    for patterns, expected in watchers.items():
        program = programs[patterns].waits_for(f"{expected[-1]}: well")
        assert program.lines[1:] == [f"{event}: well" for event in expected]


def test_the_counter_answers_its_questions(start: Start) -> None:
    counter = start("6_postage", "serve").waits_for("the counter is open")
    assert start("6_postage", "ask", "1200").ends() == ["1200 g cost 610 cents"]
    assert start("6_postage", "ask", "500").ends() == ["500 g cost 370 cents"]
    counter.waits_for("asked about 1200 g", "asked about 500 g")


def test_every_parcel_is_answered_for(start: Start) -> None:
    assert start("7_shelf").ends() == [
        "parcel 1: stored",
        "parcel 2: stored",
        "parcel 3: stored",
        "parcel 4: refused, no room",
        "parcel 5: came back, NO_ROUTE",
    ]
