"""The method table against pika's, which was generated from the specification."""

from __future__ import annotations

import inspect

import pika.spec
import pytest

from broker.amqp.methods import METHODS, Method

KNOWN_TO_PIKA = [c for ids, c in METHODS.items() if int.from_bytes(ids, "big") in pika.spec.methods]
# Ours says more, or the specification reserves the name.
OTHER_NAMES = {
    "ticket": "reserved_1",
    "out_of_band": "reserved_1",
    "channel_id": "reserved_1",
    "known_hosts": "reserved_1",
    "capabilities": "reserved_1",
    "cluster_id": "reserved_1",
    "insist": "reserved_2",
    "global_qos": "is_global",
    "mechanism": "mechanism",
}


@pytest.mark.parametrize("method_class", KNOWN_TO_PIKA, ids=lambda c: c.name)
def test_ids_names_fields_and_contents_are_those_of_the_specification(
    method_class: type[Method],
) -> None:
    class_id, method_id = method_class.ids
    theirs = pika.spec.methods[class_id << 16 | method_id]
    fields = [name for name in inspect.signature(theirs.__init__).parameters if name != "self"]
    if method_class.name != "access.request-ok":  # its ticket is the answer itself
        fields = [OTHER_NAMES.get(name, name) for name in fields]
    assert method_class.fields == tuple(fields)
    assert theirs.NAME.replace(".", "") == method_class.__name__
    assert class_id << 16 | method_id == theirs.INDEX


def test_the_table_is_in_spec_order_but_for_confirm() -> None:
    ids = [c.ids for c in METHODS.values() if c.ids[0] != 85]
    assert ids == sorted(ids)
    assert list(METHODS.values())[-1].ids[0] == 85


def test_only_four_methods_carry_content() -> None:
    carrying = {c.name for c in METHODS.values() if c.carries_content}
    assert carrying == {"basic.publish", "basic.return", "basic.deliver", "basic.get-ok"}
