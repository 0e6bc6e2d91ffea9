"""Topic patterns as a trie of words.

A node is a dict from word to node; `*` is an entry like any other word. The destinations of a
pattern that ends at a node are under LEAF, those of one that goes on with a final `#` under TAIL:
keys no word can be. A routing key is matched by walking, word by word, all nodes it can reach.

Patterns with a `#` before their end are rare and cost more, so they have a trie of their own, in
which `#` is an entry too. A node behind `#` may be entered at every later word; each (node,
position) is walked once only, or patterns such as `#.#.#.a` would cost a power of the key's length.

10 000 patterns of four words, distinct keys: 0.8 µs a match; 1.3 µs when all patterns shared the
trie with `#` entries.
"""

from __future__ import annotations

from typing import Any

from broker.exchanges.bindings import Destinations, add, remove
from broker.marks import hot

LEAF = None
TAIL = False
Node = dict[Any, Any]


def _words(pattern: str) -> list[str]:
    """RabbitMQ: the empty key and the empty pattern are zero words."""
    return pattern.split(".") if pattern else []


class TopicTrie:
    """Patterns → destinations."""

    __slots__ = ("_hash_root", "_root")

    def __init__(self) -> None:
        self._root: Node = {}
        self._hash_root: Node = {}  # patterns with a "#" before their end

    def _place(self, pattern: str) -> tuple[Node, list[str], bool | None]:
        """The trie a pattern belongs to, the words that lead to its node, and the key there."""
        words = _words(pattern)
        if "#" in words[:-1]:
            return self._hash_root, words, LEAF
        if words and words[-1] == "#":
            return self._root, words[:-1], TAIL
        return self._root, words, LEAF

    def add(self, pattern: str, destination: Any) -> None:
        node, words, key = self._place(pattern)
        for word in words:
            node = node.setdefault(word, {})
        add(node.setdefault(key, {}), destination)

    def remove(self, pattern: str, destination: Any) -> None:
        root, words, key = self._place(pattern)
        path = [root]
        for word in words:
            path.append(path[-1][word])
        destinations: Destinations = path[-1][key]
        remove(destinations, destination)
        if not destinations:
            del path[-1][key]
        for word, parent, child in zip(reversed(words), path[-2::-1], path[:0:-1], strict=True):
            if child:
                break
            del parent[word]

    @hot(bench="topic")
    def match(self, routing_key: str) -> list[Any]:
        """The destinations of all patterns that match, duplicates possible."""
        words = routing_key.split(".") if routing_key else []
        matched: list[Any] = []
        nodes = [self._root]
        for word in words:
            reached = []
            for node in nodes:
                if TAIL in node:
                    matched.extend(node[TAIL])
                if word in node:
                    reached.append(node[word])
                if "*" in node and word != "*":  # the word "*" has just been taken
                    reached.append(node["*"])
            nodes = reached
            if not nodes:
                break
        for node in nodes:
            if TAIL in node:
                matched.extend(node[TAIL])
            if LEAF in node:
                matched.extend(node[LEAF])
        if self._hash_root:
            self._match_inner(words, matched)
        return matched

    def _match_inner(self, words: list[str], matched: list[Any]) -> None:
        count = len(words)
        seen: set[tuple[int, int]] = set()
        pending: list[tuple[Node, int]] = [(self._hash_root, 0)]
        while pending:
            node, at = pending.pop()
            hashed = node.get("#")
            if hashed is not None:
                for later in range(at, count + 1):
                    if (id(hashed), later) in seen:
                        break
                    seen.add((id(hashed), later))
                    pending.append((hashed, later))
            if at == count:
                if LEAF in node:
                    matched.extend(node[LEAF])
                continue
            word = words[at]
            if word != "#":
                child = node.get(word)
                if child is not None:
                    pending.append((child, at + 1))
            if word != "*":
                child = node.get("*")
                if child is not None:
                    pending.append((child, at + 1))
