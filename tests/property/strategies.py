"""Random values of the wire: fields, tables, properties, and arguments of every method."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

import broker.amqp.methods as method_table
from broker.amqp.content import Properties
from broker.amqp.methods import METHODS, Method
from broker.amqp.wire import Field

# Text as a peer may send it: octets that are not UTF-8 come as surrogates.
any_text = st.binary(max_size=40).map(lambda octets: octets.decode("utf-8", "surrogateescape"))
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
names = texts.map(lambda text: text[:60])


def _numbers(tag: str, lowest: int, highest: int) -> st.SearchStrategy[Field]:
    return st.builds(Field, st.just(tag), st.integers(lowest, highest))


def _floats(tag: str, width: int) -> st.SearchStrategy[Field]:
    return st.builds(Field, st.just(tag), st.floats(allow_nan=False, width=width))


scalars: st.SearchStrategy[Field] = st.one_of(
    st.builds(Field, st.just("S"), any_text),
    st.builds(Field, st.just("x"), st.binary(max_size=40)),
    st.builds(Field, st.just("t"), st.booleans()),
    st.builds(Field, st.just("V"), st.none()),
    st.builds(Field, st.just("D"), st.tuples(st.integers(0, 255), st.integers(0, 2**32 - 1))),
    _numbers("b", -(2**7), 2**7 - 1),
    _numbers("B", 0, 2**8 - 1),
    _numbers("s", -(2**15), 2**15 - 1),
    _numbers("u", 0, 2**16 - 1),
    _numbers("I", -(2**31), 2**31 - 1),
    _numbers("i", 0, 2**32 - 1),
    _numbers("l", -(2**63), 2**63 - 1),
    _numbers("L", -(2**63), 2**63 - 1),
    _numbers("T", 0, 2**64 - 1),
    _floats("d", 64),
    _floats("f", 32),
)


def _nested(inner: st.SearchStrategy[Field]) -> st.SearchStrategy[Field]:
    return st.one_of(
        st.builds(Field, st.just("F"), st.dictionaries(names, inner, max_size=4)),
        st.builds(Field, st.just("A"), st.lists(inner, max_size=4)),
    )


fields = st.recursive(scalars, _nested, max_leaves=8)
tables = st.dictionaries(names, fields, max_size=5)

properties = st.builds(
    Properties,
    **{
        name: st.none() | any_text
        for name in Properties.__slots__
        if name not in ("headers", "delivery_mode", "priority", "timestamp")
    },
    headers=st.none() | tables,
    delivery_mode=st.none() | st.integers(0, 255),
    priority=st.none() | st.integers(0, 255),
    timestamp=st.none() | st.integers(0, 2**64 - 1),
)

# What a Python client would put into a table: both second opinions can express it.
plain_values = st.recursive(
    st.one_of(
        texts,
        st.booleans(),
        st.integers(-(2**31) + 1, 2**31 - 1),  # py-amqp sends the lowest as 64 bit
        st.none(),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
plain_tables = st.dictionaries(names, plain_values, max_size=4)


@st.composite
def damaged(draw: Any, octets: bytes, first: int = 0) -> bytes:
    """The same octets with a few changed from `first` on, by a little or a lot, and perhaps cut."""
    changed = bytearray(octets)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(first, len(changed) - 1))
        if draw(st.booleans()):
            changed[at] = (changed[at] + draw(st.sampled_from([-2, -1, 1, 2]))) % 256
        else:
            changed[at] = draw(st.integers(0, 255))
    cut = draw(st.just(len(changed)) | st.integers(first, len(changed)))
    return bytes(changed[:cut])


def _declared_domains() -> dict[str, tuple[tuple[str, str], ...]]:
    """Method class name → its fields and their domains, read from the source of the table."""
    assert method_table.__file__ is not None
    tree = ast.parse(Path(method_table.__file__).read_text())
    return {
        node.name: tuple(
            (entry.target.id, entry.annotation.id)
            for entry in node.body
            if isinstance(entry, ast.AnnAssign)
            and isinstance(entry.target, ast.Name)
            and isinstance(entry.annotation, ast.Name)
        )
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


DOMAINS = _declared_domains()
ALL_METHODS: list[type[Method]] = list(METHODS.values())

DOMAIN_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "Bit": st.booleans(),
    "Octet": st.integers(0, 2**8 - 1),
    "Short": st.integers(0, 2**16 - 1),
    "Long": st.integers(0, 2**32 - 1),
    "LongLong": st.integers(0, 2**64 - 1),
    "ShortStr": texts,
    "LongStr": st.binary(max_size=40),
    "Table": tables,
}


def arguments(
    method_class: type[Method], **instead: st.SearchStrategy[Any]
) -> st.SearchStrategy[list[Any]]:
    """Values for all fields of a method, in order. instead: other strategies for some domains."""
    strategies = DOMAIN_VALUES | instead
    return st.tuples(*(strategies[domain] for _, domain in DOMAINS[method_class.__name__])).map(
        list
    )
