"""Files and functions stay short. A ratchet: allowed.toml lists today's exceptions, and shrinks."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.tidy.source import benches_of, modules

FILE_MAX = 400  # lines
FUNCTION_MAX = 50  # lines; what is marked @hot may be longer
SLACK = 40  # lines that an exception may be above what is there; then it has to be lowered

ALLOWED = tomllib.loads((Path(__file__).parent / "allowed.toml").read_text())
MODULES = modules()


def lengths_of_files() -> dict[str, int]:
    return {f"broker/{module.path}": len(module.text.splitlines()) for module in MODULES}


def lengths_of_functions() -> dict[str, int]:
    return {
        f"broker/{module.path}: {name}": (function.end_lineno or 0) - function.lineno + 1
        for module in MODULES
        for name, function in module.functions()
        if not benches_of(function)
    }


KINDS = {
    "files": (lengths_of_files(), FILE_MAX),
    "functions": (lengths_of_functions(), FUNCTION_MAX),
}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_longer_than_allowed(kind: str) -> None:
    lengths, usual = KINDS[kind]
    allowed = {place: entry["lines"] for place, entry in ALLOWED[kind].items()}
    too_long = {
        place: length for place, length in lengths.items() if length > allowed.get(place, usual)
    }
    assert too_long == {}, "split it, or say in allowed.toml why not"


@pytest.mark.parametrize("kind", KINDS)
def test_the_exceptions_are_needed_give_a_reason_and_shrink(kind: str) -> None:
    lengths, usual = KINDS[kind]
    for place, entry in ALLOWED[kind].items():
        assert len(entry["reason"].split()) >= 3, f"{place}: why?"
        assert place in lengths, f"{place} is gone; so goes its exception"
        assert lengths[place] > usual, f"{place} is short enough by now"
        assert entry["lines"] - lengths[place] <= SLACK, f"{place} has become shorter; lower it"
