"""When is what answered: a replicator over a stand-in for `Node.apply`, commits made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.changes import Change, Changes
from broker.commands import AddVhost, Command, DeclareQueue, DeleteQueue, DeleteVhost
from broker.queues.queue import Queue
from broker.seams import Replicator
from broker.store.catalogue_replicator import CatalogueReplicator
from tests.support.durable import DurableWorld, durable_definitions

ERROR = OSError("no room")


class Desk:
    """Applies AddVhost durably, DeclareQueue only noticed, refuses DeleteVhost, and has done
    everything else already. Whatever is answered is put down in `answers`."""

    def __init__(self) -> None:
        self.changes = Changes()
        self.answers: list[object] = []
        self.requests = 0
        self.bugs: list[str] = []
        self.replicator = CatalogueReplicator(
            self.apply, self.changes, self._request, self.bugs.append
        )

    def _request(self) -> None:
        self.requests += 1

    def apply(self, command: Command) -> object:
        if isinstance(command, AddVhost):
            self.changes.put("vhost", (command.name,), ("", ()))
            return command.name
        if isinstance(command, DeclareQueue):
            self.changes.skip()
            return command.name
        if isinstance(command, DeleteVhost):
            raise ValueError(command.name)
        return "nothing to do"

    def proposes(self, *commands: Command) -> None:
        for command in commands:
            self.replicator.propose(command, self.answers.append)

    def reaches_a_barrier(self, name: str) -> None:
        self.replicator.barrier(lambda: self.answers.append(name))

    def begins(self) -> list[bytes | int]:
        """A commit. Returns: the names of the vhosts that it makes."""
        return [change.key[0] for change in self.replicator.begin()]


@pytest.fixture
def desk() -> Desk:
    return Desk()


NOTHING = DeleteQueue("v", "q")


def test_it_fits_the_seam_and_records_from_the_start(desk: Desk) -> None:
    replicator: Replicator = desk.replicator
    assert replicator is desk.replicator
    assert desk.changes.is_recording


def test_what_happened_before_it_is_no_change_of_its_own() -> None:
    changes = Changes(is_recording=True)
    changes.put("vhost", ("v",), ("", ()))
    replicator = CatalogueReplicator(lambda _: None, changes, lambda: None, lambda _: None)
    assert not replicator.is_dirty


def test_a_durable_change_is_made_at_once_and_answered_when_it_is_committed(desk: Desk) -> None:
    desk.proposes(AddVhost("a"))
    assert (desk.answers, desk.requests, desk.replicator.is_dirty) == ([], 1, True)
    assert desk.replicator.begin() == [Change("vhost", (b"a",), (b"", b"[]"))]
    assert (desk.answers, desk.replicator.is_dirty) == ([], False)
    desk.replicator.finish()
    assert (desk.answers, desk.replicator.is_dirty) == (["a"], False)


def test_many_changes_are_one_request_and_one_commit(desk: Desk) -> None:
    desk.proposes(AddVhost("a"), AddVhost("b"), AddVhost("c"))
    assert desk.requests == 1
    assert desk.begins() == [b"a", b"b", b"c"]
    desk.replicator.finish()
    assert desk.answers == ["a", "b", "c"]
    assert desk.begins() == []
    desk.replicator.finish()


def test_what_comes_during_a_commit_waits_for_the_next(desk: Desk) -> None:
    desk.proposes(AddVhost("a"))
    desk.begins()
    desk.proposes(AddVhost("b"))
    assert desk.requests == 2
    desk.replicator.finish()
    assert (desk.answers, desk.replicator.is_dirty) == (["a"], True)
    assert desk.begins() == [b"b"]
    desk.replicator.finish()
    assert desk.answers == ["a", "b"]


def test_with_nothing_pending_nothing_waits(desk: Desk) -> None:
    desk.proposes(NOTHING, DeclareQueue("v", "q"))
    desk.reaches_a_barrier("here")
    assert desk.answers == ["nothing to do", "q", "here"]
    assert desk.requests == 0


def test_what_was_so_already_rests_on_what_is_pending(desk: Desk) -> None:
    desk.proposes(AddVhost("a"), NOTHING)
    desk.reaches_a_barrier("here")
    assert desk.answers == []
    desk.begins()
    desk.replicator.finish()
    assert desk.answers == ["a", "nothing to do", "here"]


def test_or_on_what_is_being_written_but_on_nothing_later(desk: Desk) -> None:
    desk.proposes(AddVhost("a"))
    desk.begins()
    desk.proposes(NOTHING)
    desk.reaches_a_barrier("here")
    desk.proposes(AddVhost("b"), NOTHING)
    assert desk.answers == []
    desk.replicator.finish()
    assert desk.answers == ["a", "nothing to do", "here"]


def test_what_ends_with_the_process_and_refusals_wait_for_nothing(desk: Desk) -> None:
    desk.proposes(AddVhost("a"), DeclareQueue("v", "q"), DeleteVhost("v"))
    assert desk.answers[0] == "q"
    assert isinstance(desk.answers[1], ValueError)
    assert len(desk.answers) == 2


def test_a_refusal_raised_by_the_one_who_hears_of_it_reaches_the_proposer(desk: Desk) -> None:
    def refuse(result: object) -> None:
        assert isinstance(result, Exception)
        raise result

    with pytest.raises(ValueError, match="v"):
        desk.replicator.propose(DeleteVhost("v"), refuse)


def test_a_failed_commit_is_tried_again_first_and_in_order(desk: Desk) -> None:
    desk.proposes(AddVhost("a"), AddVhost("b"))
    desk.begins()
    desk.proposes(NOTHING, AddVhost("c"))
    desk.replicator.finish(ERROR)
    assert (desk.answers, desk.replicator.is_dirty) == ([], True)
    requests = desk.requests
    desk.proposes(AddVhost("d"), NOTHING)
    assert desk.requests == requests  # whoever failed knows that there is something to do
    assert desk.begins() == [b"a", b"b", b"c", b"d"]
    desk.replicator.finish(ERROR)
    assert desk.begins() == [b"a", b"b", b"c", b"d"]
    desk.replicator.finish()
    assert desk.answers == ["a", "b", "nothing to do", "c", "d", "nothing to do"]
    desk.reaches_a_barrier("clean")
    assert desk.answers[-1] == "clean"


def test_one_commit_at_a_time(desk: Desk) -> None:
    desk.proposes(AddVhost("a"))
    desk.begins()
    with pytest.raises(AssertionError, match="not finished"):
        desk.begins()


def test_whoever_is_answered_may_propose_and_have_it_committed(desk: Desk) -> None:
    def go_on(result: object) -> None:
        desk.answers.append(result)
        desk.proposes(NOTHING, AddVhost("b"))
        assert desk.begins() == [b"b"]
        desk.proposes(NOTHING)

    desk.replicator.propose(AddVhost("a"), go_on)
    desk.proposes(AddVhost("last"))
    desk.begins()
    desk.replicator.finish()
    assert desk.answers == ["a", "nothing to do", "last"]
    desk.replicator.finish()
    assert desk.answers == ["a", "nothing to do", "last", "b", "nothing to do"]


def test_an_answer_that_raises_does_not_cost_the_others_theirs(desk: Desk) -> None:
    def broken(result: object) -> None:
        raise ZeroDivisionError

    desk.replicator.propose(AddVhost("a"), broken)
    desk.proposes(AddVhost("b"))
    desk.begins()
    desk.replicator.finish()
    assert (desk.answers, len(desk.bugs)) == (["b"], 1)


def test_what_a_failing_command_has_changed_all_the_same_is_kept() -> None:
    changes = Changes()
    answers: list[object] = []

    def apply(command: Command) -> object:
        changes.put("vhost", ("half",), ("", ()))
        raise ValueError

    replicator = CatalogueReplicator(apply, changes, lambda: None, lambda _: None)
    replicator.propose(AddVhost("whole"), answers.append)
    assert answers == []
    assert len(replicator.begin()) == 1
    replicator.finish()
    assert isinstance(answers[0], ValueError)


# with a node and a catalogue


def test_the_defaults_are_made_at_the_first_start_only(tmp_path: Path) -> None:
    first = DurableWorld(tmp_path)
    assert list(first.node.vhosts) == ["/"]
    first.node.execute(DeleteVhost("/"))
    first.commit()
    second = first.crashes()
    assert list(second.node.vhosts) == []
    assert list(second.node.users) == ["guest"]


def test_what_was_answered_is_there_after_a_crash_and_what_was_not_may_be_lost(
    tmp_path: Path,
) -> None:
    world = DurableWorld(tmp_path)
    answers: list[object] = []
    world.node.execute(DeclareQueue("/", "answered", durable=True), answers.append)
    world.begin()
    world.node.execute(DeclareQueue("/", "lost", durable=True), answers.append)
    world.finish()
    assert [answer.name for answer in answers if isinstance(answer, Queue)] == ["answered"]
    assert set(world.vhost.queues) == {"answered", "lost"}
    again = world.crashes()
    assert set(again.vhost.queues) == {"answered"}


def test_a_commit_that_nobody_heard_of_any_more_counts(tmp_path: Path) -> None:
    world = DurableWorld(tmp_path)
    world.node.execute(DeclareQueue("/", "q", durable=True))
    world.begin()
    assert "q" in world.crashes().vhost.queues


def test_definitions_survive_failing_commits(tmp_path: Path) -> None:
    world = DurableWorld(tmp_path)
    for number in range(3):
        world.node.execute(DeclareQueue("/", f"q{number}", durable=True))
        world.fails_to_commit()
    world.node.execute(DeleteQueue("/", "q1"))
    world.commit()
    assert durable_definitions(world.crashes().node) == durable_definitions(world.node)
