from __future__ import annotations

import pytest

from broker.management.paths import quoted, relative


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("plain-1._~", "plain-1._~"),
        ("a b/c+ü", "a+b%2Fc%2B%C3%BC"),
        ("*'();", "%2A%27%28%29%3B"),
        ("\udcff", "%FF"),
    ],
)
def test_names_are_encoded_as_in_forms(name: str, encoded: str) -> None:
    assert quoted(name) == encoded


@pytest.mark.parametrize(
    ("source", "target", "way"),
    [
        ("/api/bindings/v/e/x/q/q", "api bindings v e x q q key", "q/key"),
        ("/api/bindings/v/e/x/q/q/", "api bindings v e x q q key", "q/key"),
        ("/api/bindings/%2F/e/x/q/q", "api bindings %2F e x q q ~", "q/~"),
        ("/api/bindings/a%20b/e/x/q/q", "api bindings a+b e x q q k", "../../../../a+b/e/x/q/q/k"),
        ("/api/bindings/v/e/x/q/%71", "api bindings v e x q q k", "q/k"),
        ("/a", "b", "b"),
        ("/", "b c", "b/c"),
    ],
)
def test_the_way_to_what_was_made(source: str, target: str, way: str) -> None:
    assert relative(source, target.split()) == way
