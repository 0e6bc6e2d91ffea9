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
    """From 0 (nothing in common) to 1 (equal)."""
    if one == other:
        return 1.0
    if not one or not other:
        return 0.0
    reach = max(0, max(len(one), len(other)) // 2 - 1)
    taken = [False] * len(other)
    matched = []
    for place, letter in enumerate(one):
        for at in range(max(0, place - reach), min(len(other), place + reach + 1)):
            if not taken[at] and other[at] == letter:
                taken[at] = True
                matched.append(letter)
                break
    if not matched:
        return 0.0
    opposite = [letter for letter, is_taken in zip(other, taken, strict=True) if is_taken]
    swapped = sum(a != b for a, b in zip(matched, opposite, strict=True)) // 2
    count = len(matched)
    return (count / len(one) + count / len(other) + (count - swapped) / count) / 3
