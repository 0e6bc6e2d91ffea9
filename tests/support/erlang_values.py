"""What Erlang's phash2 and exs1024 make of given terms and keys: recorded with a real `erl`.

    python -m tests.support.erlang_values

writes `erlang_values.json` anew. The terms follow from their number alone.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

from broker.amqp.erlang import Atom

RECORDED = Path(__file__).with_name("erlang_values.json")
BINARIES, TERMS, JUMPS, WIDE = 2000, 2000, 1500, 500
ATOMS = ("longstr", "signedint", "unsignedshort", "table", "undefined", "a_quite_long_atom_name")
EDGES = (0, 1, -1, 255, 256, 2**27 - 1, 2**27, -(2**27), -(2**27) - 1, 2**63, 2**64, -(2**70))
BUCKETS = (1, 2, 3, 4, 5, 7, 10, 16, 100, 1000, 10**6, 10**12, 10**30)


class _Digits:
    """Numbers that follow from a seed, on every Python."""

    def __init__(self, seed: str):
        self._state = hashlib.shake_256(seed.encode()).digest(4096)
        self._at = 0

    def below(self, limit: int) -> int:
        self._at += 4
        octets = self._state[self._at % 4000 : self._at % 4000 + 4]
        return int.from_bytes(octets, "big") % limit

    def octets(self, size: int) -> bytes:
        return bytes(self.below(256) for _ in range(size))


def binary(number: int) -> bytes:
    return _Digits(f"binary {number}").octets(number % 200)


def term(number: int) -> object:
    return _term(_Digits(f"term {number}"), 0)


def _term(digits: _Digits, depth: int) -> object:
    match digits.below(9 if depth < 3 else 6):
        case 0:
            return digits.octets(digits.below(30))
        case 1:
            return EDGES[digits.below(len(EDGES))]
        case 2:
            return digits.below(2**32) - 2**31
        case 3:
            return (digits.below(2**32) - 2**31) / 1024
        case 4:
            return Atom(ATOMS[digits.below(len(ATOMS))])
        case 5:
            return (True, False, None)[digits.below(3)]
        case 6:
            return [digits.below(256) for _ in range(digits.below(10))]
        case 7:
            return tuple(_term(digits, depth + 1) for _ in range(digits.below(5)))
    return [_term(digits, depth + 1) for _ in range(digits.below(5))]


def jump(number: int) -> tuple[int, int]:
    """A key and a number of buckets."""
    digits = _Digits(f"jump {number}")
    return digits.below(2**27), BUCKETS[digits.below(len(BUCKETS))]


def recorded() -> dict[str, list[int]]:
    return json.loads(RECORDED.read_text("utf-8"))  # type: ignore[no-any-return]


def source(term: object) -> str:
    """The term as Erlang source."""
    if term is None or isinstance(term, (bool, Atom)):
        return "undefined" if term is None else str(term).lower()
    if isinstance(term, bytes):
        return f"<<{','.join(map(str, term))}>>"
    if isinstance(term, tuple):
        return f"{{{','.join(map(source, term))}}}"
    if isinstance(term, list):
        return f"[{','.join(map(source, term))}]"
    return repr(term)


def _asked(terms: list[object], expression: str) -> list[int]:
    """What erl answers when T is bound to each of the terms in turn."""
    with tempfile.NamedTemporaryFile("w", suffix=".terms") as file:
        file.write("".join(f"{source(term)}.\n" for term in terms))
        file.flush()
        program = (
            "J = fun J(B, N, K, _) when N >= K -> B; J(_, N, K, S) ->"
            " {R, S1} = rand:uniform_s(S), J(N, trunc((N + 1) / R), K, S1) end,"
            f' {{ok, Ts}} = file:consult("{file.name}"),'
            f' [io:format("~p~n", [{expression}]) || T <- Ts], halt().'
        )
        command = ["erl", "-noshell", "-eval", program]
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [int(line) for line in answer.stdout.split()]


def main() -> None:
    jumped = "{Key, K} = P, J(-1, 0, K, rand:seed_s(exs1024, {Key, Key, Key}))"
    values = {
        "binaries": _asked([binary(n) for n in range(BINARIES)], "erlang:phash2(T)"),
        "terms": _asked([term(n) for n in range(TERMS)], "erlang:phash2(T)"),
        "wide": _asked([term(n) for n in range(WIDE)], "erlang:phash2(T, 1 bsl 32)"),
        "jumps": _asked([jump(n) for n in range(JUMPS)], f"(fun(P) -> {jumped} end)(T)"),
    }
    RECORDED.write_text(json.dumps(values, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
