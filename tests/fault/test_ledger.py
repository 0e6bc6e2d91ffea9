"""The ledger of the torture accuses where it must, and only there."""

from __future__ import annotations

import pytest

from tests.fault.ledger import Copy, Ledger, Message, Subscription


class Book:
    """A ledger with a queue "q", and one who reads it."""

    def __init__(self) -> None:
        self.ledger = Ledger(["q", "r"])
        self.subscription = Subscription("q")

    def publishes(
        self, *, persistent: bool = True, confirmed: bool = True, publisher: int = 1
    ) -> Message:
        message = self.ledger.new_message(publisher, ("q",), 50, persistent)
        self.ledger.publish(message)
        if confirmed:
            self.ledger.confirm(message)
        return message

    def reads(self, message: Message, redelivered: bool = False) -> Copy:
        copy = self.ledger.deliver(self.subscription, message.properties, message.body, redelivered)
        assert copy is not None
        return copy

    def reads_again(self, message: Message) -> Copy:
        return self.reads(message, redelivered=True)

    def is_killed(self) -> None:
        self.ledger.begin_life()
        self.subscription = Subscription("q")

    def accuses(self, text: str) -> None:
        assert len(self.ledger.errors) == 1, self.ledger.errors
        assert text in self.ledger.errors[0]

    def is_content(self) -> None:
        assert self.ledger.errors == []


@pytest.fixture
def book() -> Book:
    return Book()


def test_what_is_confirmed_and_never_acked_is_owed(book: Book) -> None:
    first, second = book.publishes(), book.publishes()
    book.reads(first)
    book.is_killed()
    assert (book.ledger.owed("q"), book.ledger.possible("q")) == (2, 2)
    book.reads_again(first)
    book.ledger.read_to_its_end("q")
    book.accuses(
        f"message {second.number} of publisher 1 (50 octets; published 1, confirmed 1): is"
    )
    assert book.ledger.counts["lost"] == 1


def test_what_was_not_confirmed_or_is_transient_may_be_lost(book: Book) -> None:
    book.publishes(confirmed=False)
    book.publishes(persistent=False)
    book.is_killed()
    assert (book.ledger.owed("q"), book.ledger.possible("q")) == (0, 2)
    book.ledger.read_to_its_end("q")
    book.is_content()


def test_what_was_there_after_a_restart_is_owed(book: Book) -> None:
    message = book.publishes(confirmed=False)
    book.is_killed()
    book.reads(message)
    book.is_killed()
    book.ledger.read_to_its_end("q")
    book.accuses("is lost")


def test_what_was_not_there_when_all_was_read_must_not_come_back(book: Book) -> None:
    message = book.publishes(confirmed=False)
    book.is_killed()
    book.ledger.read_to_its_end("q")
    book.is_content()
    assert book.ledger.deliver(book.subscription, b"", message.body, True) is None
    book.accuses("was not there when the queue was read to its end")


def test_an_ack_of_the_last_moment_may_be_repeated_flagged(book: Book) -> None:
    kept, gone = book.publishes(), book.publishes()
    for message in (kept, gone):
        book.ledger.ack(book.reads(message))
    book.is_killed()
    book.reads_again(kept)
    book.ledger.read_to_its_end("q")
    book.is_content()
    assert book.ledger.counts["repeated after an ack"] == 1


def test_an_ack_that_is_repeated_unflagged_is_not_right(book: Book) -> None:
    message = book.publishes()
    book.ledger.ack(book.reads(message))
    book.is_killed()
    book.reads(message)
    book.accuses("not flagged redelivered")
    assert book.ledger.counts["repeated after an ack, not flagged"] == 1


def test_a_proven_ack_is_never_repeated(book: Book) -> None:
    message = book.publishes()
    copy = book.reads(message)
    book.ledger.ack(copy)
    book.ledger.prove([copy])
    book.is_killed()
    assert book.ledger.deliver(book.subscription, b"", message.body, True) is None
    book.accuses("was acked, and that was safe")


def test_what_is_held_or_acked_is_not_delivered_in_the_same_life(book: Book) -> None:
    message = book.publishes()
    copy = book.reads(message)
    book.reads_again(message)
    book.accuses("while it is held by a client")
    book.ledger.errors.clear()
    book.ledger.ack(copy)
    book.reads_again(message)
    book.accuses("while it is acked")


def test_the_flag_is_there_when_a_client_has_read_it_and_only_then(book: Book) -> None:
    first, second = book.publishes(), book.publishes()
    book.reads_again(first)
    book.accuses("cannot have been delivered before")
    book.ledger.errors.clear()
    book.ledger.requeue(book.reads(second))
    book.reads(second)
    book.accuses("not flagged redelivered")


def test_what_nobody_has_read_may_be_flagged_in_a_later_life(book: Book) -> None:
    message = book.publishes()
    book.is_killed()
    book.reads_again(message)
    book.is_content()


def test_a_consumer_that_goes_may_have_been_sent_what_it_did_not_read(book: Book) -> None:
    first, second = book.publishes(), book.publishes()
    book.reads(second)
    book.ledger.disturb("q")
    book.reads_again(first)
    book.is_content()


def test_order_is_kept_for_each_publisher(book: Book) -> None:
    first, second, other = book.publishes(), book.publishes(), book.publishes(publisher=2)
    book.reads(second)
    book.reads(other)
    book.reads(first)
    book.accuses("message 1 of publisher 1 (50 octets; published 1, confirmed 1): comes after mess")


def test_order_is_kept_after_a_restart_flagged_or_not(book: Book) -> None:
    first, second = book.publishes(), book.publishes()
    book.reads(first)
    book.is_killed()
    book.reads(second)
    book.reads_again(first)
    book.accuses("comes after message 2")


def test_what_was_given_back_in_this_life_may_come_later(book: Book) -> None:
    first, second = book.publishes(), book.publishes()
    book.ledger.requeue(book.reads(first))
    book.reads(second)
    book.reads_again(first)
    book.is_content()


def test_nothing_is_invented(book: Book) -> None:
    message = book.publishes()
    in_another_queue = Subscription("r")
    assert book.ledger.deliver(in_another_queue, b"", message.body, False) is None
    book.accuses("was never published there")
    book.ledger.errors.clear()
    assert book.ledger.deliver(book.subscription, b"", b"hello", False) is None
    book.accuses("not the body of any message")
    book.ledger.errors.clear()
    never_committed = book.ledger.new_message(1, ("q",), 50, True)
    assert book.ledger.deliver(book.subscription, b"", never_committed.body, False) is None
    book.accuses("was never published there")
    book.ledger.errors.clear()
    book.ledger.roll_back(never_committed)
    assert book.ledger.deliver(book.subscription, b"", never_committed.body, False) is None
    book.accuses("was rolled back")


def test_messages_come_whole_with_their_properties(book: Book) -> None:
    message = book.publishes()
    book.ledger.deliver(book.subscription, message.properties, message.body[:-1] + b"?", False)
    book.accuses("its body is not")
    book.ledger.errors.clear()
    message = book.publishes()
    book.ledger.deliver(book.subscription, b"\0\0", message.body, False)
    book.accuses("its properties are not")


def test_a_deleted_queue_takes_its_messages_with_it(book: Book) -> None:
    message = book.publishes()
    book.ledger.empty("q")
    book.ledger.delete("q")
    assert book.ledger.possible("q") == 0
    book.is_killed()
    assert book.ledger.deliver(book.subscription, b"", message.body, False) is None
    book.accuses("was deleted with its queue")


def test_a_purge_that_nothing_followed_may_be_undone_by_a_kill(book: Book) -> None:
    message = book.publishes()
    book.ledger.empty("q")
    book.is_killed()
    assert (book.ledger.owed("q"), book.ledger.possible("q")) == (0, 1)
    book.reads(message)
    book.is_content()


def test_nothing_is_lost_when_only_the_clients_go(book: Book) -> None:
    book.publishes(persistent=False)
    book.ledger.begin_life(is_same_broker=True)
    assert book.ledger.owed("q") == 1
    book.ledger.read_to_its_end("q")
    book.accuses("is lost")


def test_a_broker_that_stops_may_deliver_what_a_client_still_thinks_it_holds(book: Book) -> None:
    message = book.publishes()
    copy = book.reads(message)
    book.ledger.is_ending = True
    book.ledger.ack(book.reads_again(message))
    book.ledger.requeue(copy)
    book.is_killed()
    assert (book.ledger.owed("q"), book.ledger.possible("q")) == (0, 1)
    book.is_content()
