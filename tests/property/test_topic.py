"""The topic trie against a matcher that is slow and plainly right."""

from __future__ import annotations

import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from broker.exchanges.topic_trie import TopicTrie
from tests.property.conftest import examples

# Few words, so that they meet; the empty word, and "*" and "#" as words of a key as well.
pattern_words = st.sampled_from(["a", "b", "", "*", "#", "#", "ab"])
key_words = st.sampled_from(["a", "b", "", "*", "#", "ab"])
patterns = st.lists(pattern_words, max_size=6).map(".".join)
keys = st.lists(key_words, max_size=7).map(".".join)


def matches(pattern: str, key: str) -> bool:
    """RabbitMQ's rule as a regular expression over words, each of them closed by a dot.

    The empty pattern and the empty key are zero words, not one empty word.
    """
    words = pattern.split(".") if pattern else []
    text = "".join(f"{word}." for word in key.split(".")) if key else ""
    expression = "".join(
        r"(?:[^.]*\.)*" if word == "#" else r"[^.]*\." if word == "*" else re.escape(word) + r"\."
        for word in words
    )
    return re.fullmatch(expression, text) is not None


def test_the_naive_matcher_knows_the_examples_of_the_tutorial() -> None:
    assert matches("*.orange.*", "quick.orange.rabbit")
    assert not matches("*.orange.*", "quick.orange.male.rabbit")
    assert matches("lazy.#", "lazy")
    assert matches("lazy.#", "lazy.orange.male.rabbit")
    assert matches("#", "")
    assert not matches("*", "")
    assert matches("*.", "a.")
    assert not matches("a", "a.")


@examples(600)
@given(bound=st.lists(patterns, max_size=8), key=keys)
def test_a_key_reaches_the_patterns_that_match(bound: list[str], key: str) -> None:
    trie = TopicTrie()
    for number, pattern in enumerate(bound):
        trie.add(pattern, number)
    expected = [number for number, pattern in enumerate(bound) if matches(pattern, key)]
    assert sorted(trie.match(key)) == expected


@examples(400)
@given(
    steps=st.lists(st.tuples(st.booleans(), patterns, st.integers(0, 2)), max_size=25),
    key=keys,
)
def test_unbinding_leaves_what_is_still_bound(steps: list[tuple[bool, str, int]], key: str) -> None:
    trie = TopicTrie()
    bound: Counter[tuple[str, int]] = Counter()
    for is_bind, pattern, destination in steps:
        if is_bind:
            trie.add(pattern, destination)
            bound[pattern, destination] += 1
        elif bound[pattern, destination]:
            trie.remove(pattern, destination)
            bound[pattern, destination] -= 1
    expected = {d for (pattern, d), count in bound.items() if count and matches(pattern, key)}
    assert set(trie.match(key)) == expected
    for (pattern, destination), count in bound.items():
        for _ in range(count):
            trie.remove(pattern, destination)
    assert trie._root == {}
    assert trie._hash_root == {}
