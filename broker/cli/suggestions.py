"""What somebody may have meant: the nearest word, by Jaro's similarity, as RabbitMQ's tools do."""

from __future__ import annotations

from collections.abc import Iterable

NEAR = 0.77  # from here on it is worth asking


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The most similar one; of equals the first; None: nothing is near."""
    best, found = 0.0, None
    for candidate in known:
        similarity = jaro(candidate, word)
        if similarity > best:
            best, found = similarity, candidate
    return found if best >= NEAR else None


def jaro(one: str, other: str) -> float:
    """From 0 (nothing in common) to 1 (equal); counted as Elixir's String.jaro_distance does.

    A match left of the one before it is a transposition, and the shorter word is gone through.
    """
    if one == other:
        return 1.0
    short, long = (one, other) if len(one) < len(other) else (other, one)
    reach = len(long) // 2 - 1
    left: list[str | None] = list(long)
    matches = transpositions = 0
    former = -1
    for place, letter in enumerate(short):
        window = range(max(0, place - reach), min(len(long), place + reach + 1))
        found = next((at for at in window if left[at] == letter), None)
        if found is None:
            continue
        left[found] = None
        matches += 1
        transpositions += found < former
        former = found
    if not matches:
        return 0.0
    agreeing = (matches - transpositions) / matches
    return (matches / len(one) + matches / len(other) + agreeing) / 3
