"""Field values of every type, with a label each: `l:-1`, `S:text`, `A:1`."""

from __future__ import annotations

from typing import Any

from tests.conformance.wire_codec import Tagged

Values = dict[str, Any]

WIDTHS = {
    "b": (-(2**7), 2**7 - 1),
    "B": (0, 2**8 - 1),
    "s": (-(2**15), 2**15 - 1),
    "u": (0, 2**16 - 1),
    "I": (-(2**31), 2**31 - 1),
    "i": (0, 2**32 - 1),
    "l": (-(2**63), 2**63 - 1),
}


def _integers() -> Values:
    found: Values = {}
    for tag, (lowest, highest) in WIDTHS.items():
        for number in sorted({lowest, -1, 0, 1, 2, highest}):
            if lowest <= number <= highest:
                found[f"{tag}:{number}"] = Tagged(tag, number)
    found["L:3"] = Tagged("L", 3)
    found["L:-3"] = Tagged("L", -3)
    return found


def _others() -> Values:
    return {
        "S:empty": "",
        "S:text": "text",
        "S:5": "5",
        "S:utf8": "grün",
        "S:not utf8": Tagged("S", b"\xff\xfe"),
        "S:control": Tagged("S", b"a\x00b"),
        "S:quotes": 'it\'s "so"',
        "S:long": "x" * 300,
        "x:empty": b"",
        "x:text": b"text",
        "T:0": Tagged("T", 0),
        "T:now": Tagged("T", 1700000000),
        "t:true": True,
        "t:false": False,
        "f:1": Tagged("f", 1.0),
        "f:1.5": Tagged("f", 1.5),
        "d:0": Tagged("d", 0.0),
        "d:-1.5": Tagged("d", -1.5),
        "d:1e300": Tagged("d", 1e300),
        "D:5": Tagged("D", (0, 5)),
        "D:0.05": Tagged("D", (2, 5)),
        "V": None,
        "F:empty": {},
        "F:one": {"key": 1},
        "F:nested": {"key": {"key": [1]}},
        "A:empty": [],
        "A:numbers": [1, 2],
        "A:text": ["text"],
        "A:mixed": ["text", 1, {"key": "value"}, [True]],
    }


EVERY_VALUE: Values = _integers() | _others()
# Where the type matters and the value does not: one of each.
EVERY_TYPE: Values = {
    label: EVERY_VALUE[label]
    for label in (
        *("b:1", "B:1", "s:1", "u:1", "I:1", "i:1", "l:1", "L:3", "S:text", "x:text", "T:0"),
        *("t:true", "f:1", "d:0", "D:5", "V", "F:one", "A:numbers"),
    )
}


def texts(*choices: str) -> Values:
    """Each with its label."""
    return {f"S:{choice}": choice for choice in choices}


def numbers(*choices: int) -> Values:
    """64 bits wide, each with its label."""
    return {f"l:{choice}": Tagged("l", choice) for choice in choices}
