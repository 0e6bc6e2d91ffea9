"""Patterns by hand; `tests/property/test_topic.py` tries random ones."""

from __future__ import annotations

import pytest

from broker.exchanges.topic_trie import TopicTrie


@pytest.mark.parametrize(
    ("pattern", "keys", "others"),
    [
        ("a.b", ["a.b"], ["a", "a.b.c", "a.B", "ab", "", "a.b."]),
        ("a.*", ["a.b", "a.*", "a.#", "a."], ["a", "a.b.c", ""]),
        ("*", ["a", "*", "#"], ["", "a.b", "."]),
        ("#", ["", "a", "a.b", ".", "a..b"], []),
        ("a.#", ["a", "a.b", "a.b.c", "a."], ["", "b", "ab.c", ".a"]),
        ("#.a", ["a", "b.a", "b.c.a", ".a"], ["", "a.b", "a."]),
        ("a.#.b", ["a.b", "a.c.b", "a.c.d.b", "a.b.b"], ["a", "b", "a.b.c"]),
        ("#.#", ["", "a", "a.b"], []),
        ("#.*", ["a", "a.b", "."], [""]),
        ("*.#.*", ["a.b", "a.b.c", "."], ["a", ""]),
        ("#.a.#", ["a", "a.a", "b.a.c"], ["", "b"]),
        ("", [""], ["a", "."]),
        (".", ["."], ["", "a", ".."]),
        ("a..b", ["a..b"], ["a.b", "a.c.b"]),
        ("a.*.b", ["a..b", "a.c.b"], ["a.b", "a.c.d.b"]),
    ],
)
def test_which_keys_a_pattern_matches(pattern: str, keys: list[str], others: list[str]) -> None:
    trie = TopicTrie()
    trie.add(pattern, "q")
    assert [key for key in keys + others if trie.match(key) == ["q"]] == keys
    assert [key for key in others if trie.match(key)] == []
    trie.remove(pattern, "q")
    assert all(trie.match(key) == [] for key in keys)


def test_many_hashes_do_not_cost_a_power_of_the_length() -> None:
    """A naive walk of this takes longer than the universe has."""
    trie = TopicTrie()
    trie.add(".".join(["#"] * 60 + ["end"]), "q")
    assert trie.match(".".join(["a"] * 200)) == []
    assert trie.match(".".join(["a"] * 200 + ["end"])) == ["q"]


def test_removing_a_pattern_that_is_not_there_is_a_bug() -> None:
    trie = TopicTrie()
    trie.add("a.b", "q")
    with pytest.raises(KeyError):
        trie.remove("a.c", "q")


def test_removing_prunes_only_what_no_other_pattern_uses() -> None:
    trie = TopicTrie()
    trie.add("a.b", "q1")
    trie.add("a.b.c", "q2")
    trie.remove("a.b.c", "q2")
    assert trie.match("a.b") == ["q1"]
    trie.add("a.b.c", "q2")
    trie.remove("a.b", "q1")
    assert trie.match("a.b.c") == ["q2"]
