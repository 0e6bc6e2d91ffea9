"""A message of an extended queue, and the one that is shown with a count in its place."""

from __future__ import annotations

from broker.queues.queued_message import QueuedMessage, counted, original
from tests.support.builders import message


def test_a_message_that_is_shown_with_a_count_leads_back_to_the_one_in_the_queue() -> None:
    plain = message("body", message_id="m")
    queued = QueuedMessage(plain.envelope, plain.body, 1000)
    shown = counted(queued, 3)
    assert shown.envelope.properties.header_table["x-delivery-count"].value == 3
    assert shown.envelope.properties.message_id == "m"
    assert shown.body == b"body"
    assert original(shown) is queued
    assert queued.envelope is plain.envelope


def test_any_other_message_is_its_own_original() -> None:
    plain = message("body")
    assert original(plain) is plain
    queued = QueuedMessage(plain.envelope, plain.body, None)
    assert original(queued) is queued
