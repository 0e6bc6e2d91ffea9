"""Topic patterns as a trie of words.

A node is a dict from word to node; `*` and `#` are entries like any other word, and the
destinations of a pattern that ends at a node are under LEAF, a key no word can be. A routing key is
matched by walking all the branches it can take: the word itself, `*`, and `#` for zero or more
words. `#` may be reached along several ways, so one (node, position) is walked once only, or
patterns such as `#.#.#.#` would cost a power of the key's length.
"""

from __future__ import annotations

from typing import Any

from broker.exchanges.bindings import Destinations, add, remove

LEAF = None
Node = dict[Any, Any]


def _words(pattern: str) -> list[str]:
    """RabbitMQ: the empty key and the empty pattern are zero words."""
    return pattern.split(".") if pattern else []


class TopicTrie:
    """Patterns → destinations."""

    __slots__ = ("_root", "_with_hash")

    def __init__(self) -> None:
        self._root: Node = {}
        self._with_hash = 0  # patterns that contain "#": while 0, nothing branches on it

    def add(self, pattern: str, destination: Any) -> None:
        node = self._root
        words = _words(pattern)
        for word in words:
            node = node.setdefault(word, {})
        add(node.setdefault(LEAF, {}), destination)
        self._with_hash += "#" in words

    def remove(self, pattern: str, destination: Any) -> None:
        words = _words(pattern)
        path = [self._root]
        for word in words:
            path.append(path[-1][word])
        destinations: Destinations = path[-1][LEAF]
        remove(destinations, destination)
        if not destinations:
            del path[-1][LEAF]
        for word, parent, child in zip(reversed(words), path[-2::-1], path[:0:-1], strict=True):
            if child:
                break
            del parent[word]
        self._with_hash -= "#" in words

    def match(self, routing_key: str) -> list[Any]:
        """The destinations of all patterns that match, duplicates possible."""
        words = routing_key.split(".") if routing_key else []
        if self._with_hash:
            return self._match_with_hash(words)
        nodes = [self._root]
        for word in words:
            reached = []
            for node in nodes:
                child = node.get(word)
                # "*" as a word of the key is matched by "*" only once
                if child is not None:
                    reached.append(child)
                if word != "*":
                    child = node.get("*")
                    if child is not None:
                        reached.append(child)
            if not reached:
                return []
            nodes = reached
        return [destination for node in nodes if LEAF in node for destination in node[LEAF]]

    def _match_with_hash(self, words: list[str]) -> list[Any]:
        matched: list[Any] = []
        count = len(words)
        seen: set[tuple[int, int]] = set()
        pending: list[tuple[Node, int]] = [(self._root, 0)]
        while pending:
            node, at = pending.pop()
            hashed = node.get("#")
            if hashed is not None:
                # zero or more words: the node behind "#" may be entered at every later position
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
        return matched
