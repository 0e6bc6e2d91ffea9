"""What runs low and when, and connection.blocked and unblocked: whom an alarm stops, and when.

RabbitMQ: vm_memory_monitor and rabbit_disk_monitor; rabbit_reader's throttle. Only peers that
publish are stopped; that they do is noticed at their first publish, and asked anew after the alarm.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest

from broker.alarms import (
    DISK_INTERVAL_MAX_MS,
    TRIM_INTERVAL_MS,
    Levels,
    Watermarks,
    memory_total,
    memory_used,
)
from broker.amqp.frames import HEARTBEAT_FRAME
from broker.amqp.methods import ConnectionBlocked, ConnectionUnblocked
from broker.config import Alarms
from tests.support.peer import Peer, World

MB, GB = 10**6, 10**9


class Machine:
    """Memory and a disk that are as full as the test says, and who asked how often."""

    def __init__(self) -> None:
        self.used = 100 * MB
        self.total = 1 * GB
        self.free = 10 * GB
        self.freed_by_trim = 0
        self.trims = 0
        self.disk_reads = 0
        self.failure: OSError | None = None

    def read_used(self) -> int:
        if self.failure is not None:
            raise self.failure
        return self.used

    def read_free(self) -> int:
        self.disk_reads += 1
        if self.failure is not None:
            raise self.failure
        return self.free

    def trim(self) -> None:
        self.trims += 1
        self.used -= self.freed_by_trim
        self.freed_by_trim = 0

    def watermarks(self, *, has_disk: bool = True, **config: Any) -> Watermarks:
        return Watermarks(
            Alarms(**config),
            disk_free=self.read_free if has_disk else None,
            trim=self.trim,
            used=self.read_used,
            total=lambda: self.total,
        )


@pytest.fixture
def machine() -> Machine:
    return Machine()


# --- memory


def test_memory_is_low_above_its_limit_and_not_at_it(machine: Machine) -> None:
    watermarks = machine.watermarks(memory_absolute=500 * MB)
    for used, low in [
        (499 * MB, ()),
        (500 * MB, ()),
        (500 * MB + 1, ("memory",)),
        (900 * MB, ("memory",)),
        (500 * MB, ()),
    ]:
        machine.used = used
        assert watermarks.check(0) == low == watermarks.low


@pytest.mark.parametrize(
    ("config", "limit"),
    [
        ({}, 400 * MB),
        ({"memory_relative": 0.5}, 500 * MB),
        ({"memory_relative": 0.00000001}, 10),
        ({"memory_relative": 0.0}, 0),
        ({"memory_relative": 0.5, "memory_absolute": 10 * MB}, 10 * MB),
        ({"memory_absolute": 5 * GB}, 1 * GB),
        ({"memory_total": 2 * GB}, 800 * MB),
    ],
)
def test_the_limit_of_memory(machine: Machine, config: dict[str, Any], limit: int) -> None:
    assert machine.watermarks(**config).snapshot().memory_limit == limit


@pytest.mark.parametrize("relative", [0.0, 0.00000001])
def test_a_limit_of_nothing_blocks_always(machine: Machine, relative: float) -> None:
    assert machine.watermarks(memory_relative=relative).check(0) == ("memory",)


def test_before_memory_is_called_low_malloc_gives_back_what_it_can(machine: Machine) -> None:
    watermarks = machine.watermarks()
    assert watermarks.check(0) == ()
    assert machine.trims == 0  # only when it is needed
    machine.used, machine.freed_by_trim = 401 * MB, 1 * MB
    assert watermarks.check(500) == ()
    assert machine.trims == 1


def test_malloc_is_asked_again_now_and_then_while_memory_is_low(machine: Machine) -> None:
    watermarks = machine.watermarks()
    machine.used = 500 * MB
    assert watermarks.check(0) == ("memory",)
    machine.freed_by_trim = 400 * MB
    assert watermarks.check(TRIM_INTERVAL_MS - 1) == ("memory",)
    assert machine.trims == 1
    assert watermarks.check(TRIM_INTERVAL_MS) == ()
    assert machine.trims == 2


def test_without_a_malloc_that_can_be_asked(machine: Machine) -> None:
    watermarks = Watermarks(Alarms(), used=lambda: 500 * MB, total=lambda: GB)
    assert watermarks.check(0) == ("memory",)


def test_a_limit_is_changed_while_the_node_runs(machine: Machine) -> None:
    watermarks = machine.watermarks()
    watermarks.set_memory_limit(relative=0.0)
    assert watermarks.check(0) == ("memory",)
    watermarks.set_memory_limit(absolute=100 * MB)
    assert watermarks.check(0) == ()
    assert watermarks.snapshot().memory_relative is None
    machine.total = 200 * MB  # it is looked up again
    watermarks.set_memory_limit(relative=0.4)
    assert watermarks.check(0) == ("memory",)
    assert watermarks.snapshot()[:4] == (100 * MB, 80 * MB, 200 * MB, 0.4)


# --- disk


def test_disk_is_low_below_its_limit_and_not_at_it(machine: Machine) -> None:
    watermarks = machine.watermarks(disk_absolute=GB)
    now_ms = 0
    for free, low in [
        (GB + 1, ()),
        (GB, ()),
        (GB - 1, ("disk",)),
        (0, ("disk",)),
        (GB, ()),
    ]:
        machine.free = free
        now_ms += DISK_INTERVAL_MAX_MS
        assert watermarks.check(now_ms) == low


@pytest.mark.parametrize(
    ("config", "limit"),
    [
        ({}, 50 * MB),
        ({"disk_absolute": 0}, 0),
        ({"disk_relative": 1.5}, 1500 * MB),
        ({"disk_relative": 1.5, "disk_absolute": GB}, 1500 * MB),
        ({"disk_relative": 1.0, "memory_total": 2 * GB}, 2 * GB),
    ],
)
def test_the_limit_of_the_disk(machine: Machine, config: dict[str, Any], limit: int) -> None:
    assert machine.watermarks(**config).snapshot().disk_limit == limit


@pytest.mark.parametrize(
    ("free", "interval_ms"),
    [
        (50 * MB, 0),
        (175 * MB, 1000),
        (GB, 7600),
        (100 * GB, DISK_INTERVAL_MAX_MS),
        (0, 400),  # and so from below
    ],
)
def test_the_closer_to_its_limit_the_more_often_the_disk_is_asked(
    machine: Machine, free: int, interval_ms: int
) -> None:
    watermarks = machine.watermarks()
    machine.free = free
    watermarks.check(100)
    watermarks.check(100 + interval_ms - 1)
    assert machine.disk_reads == 1 or interval_ms == 0
    machine.disk_reads = 0
    watermarks.check(100 + interval_ms)
    assert machine.disk_reads == 1


def test_after_a_change_of_its_limit_the_disk_is_asked_at_once(machine: Machine) -> None:
    watermarks = machine.watermarks()
    assert watermarks.check(0) == ()
    watermarks.set_disk_limit(absolute=20 * GB)
    assert watermarks.check(1) == ("disk",)
    watermarks.set_disk_limit(relative=2.0)
    assert watermarks.check(2) == ()
    watermarks.set_disk_limit(absolute=0)
    machine.free = 0
    assert watermarks.check(3) == ()


def test_without_a_data_directory_there_is_no_disk_alarm(machine: Machine) -> None:
    watermarks = machine.watermarks(has_disk=False, disk_absolute=20 * GB)
    assert watermarks.check(0) == ()
    assert watermarks.snapshot().disk_free is None


# --- both


def test_both_may_be_low_and_can_be_looked_at(machine: Machine) -> None:
    watermarks = machine.watermarks(memory_relative=0.05, disk_absolute=20 * GB)
    assert watermarks.check(0) == ("memory", "disk")
    assert watermarks.snapshot() == Levels(
        100 * MB, 50 * MB, GB, 0.05, 10 * GB, 20 * GB, ("memory", "disk")
    )


def test_what_cannot_be_read_stays_as_it_was_and_is_logged_once(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    watermarks = machine.watermarks(memory_absolute=50 * MB, disk_absolute=20 * GB)
    assert watermarks.check(0) == ("memory", "disk")
    caplog.clear()
    machine.failure = OSError("too many open files")
    for now_ms in range(1000, 60_000, 1000):
        assert watermarks.check(now_ms) == ("memory", "disk")
    assert len(caplog.records) == 2
    machine.failure = None
    machine.used, machine.free = 0, 30 * GB
    assert watermarks.check(70_000) == ()


def test_set_and_cleared_are_logged_with_the_numbers(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    watermarks = machine.watermarks()
    with caplog.at_level(logging.WARNING):
        for used, free in ((400 * MB + 1, 1), (500 * MB, 2), (400 * MB, 50 * MB)):
            machine.used, machine.free = used, free
            watermarks.check(0)
            watermarks.set_disk_limit(absolute=50 * MB)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "memory is above its limit, used=400000001 limit=400000000"),
        ("WARNING", "free disk space is below its limit, free=1 limit=50000000"),
        ("WARNING", "memory is within its limit again, used=400000000 limit=400000000"),
        ("WARNING", "free disk space is enough again, free=50000000 limit=50000000"),
    ]


# --- what the system says


def system(root: Path, files: dict[str, str]) -> tuple[Path, Path]:
    """A /proc and a /sys/fs/cgroup with these files."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root / "proc", root / "cg"


def test_this_process_holds_some_memory_but_not_all() -> None:
    assert 1 * MB < memory_used() < memory_total()


def test_the_memory_it_holds_is_what_is_resident(tmp_path: Path) -> None:
    proc, _ = system(tmp_path, {"proc/self/statm": "81234 25 3 4 0 6 0\n"})
    assert memory_used(proc) == 25 * os.sysconf("SC_PAGE_SIZE")


def test_without_proc_it_is_the_most_it_ever_held(tmp_path: Path) -> None:
    assert memory_used(tmp_path) >= memory_used() * 0.9


MEMINFO = {"proc/meminfo": "MemTotal:        8000000 kB\nMemFree:          100000 kB\n"}
ALL = 8_000_000 * 1024


@pytest.mark.parametrize(
    ("membership", "limits", "total"),
    [
        ("", {}, ALL),
        ("0::/a/b\n", {}, ALL),
        ("0::/\n", {"memory.max": "1000000000\n"}, GB),
        ("0::/a/b\n", {"a/b/memory.max": "1000000000\n"}, GB),
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": "1000000000\n"}, GB),
        ("0::/a\n", {"a/memory.max": "2000000000\n", "memory.max": "1000000000\n"}, GB),
        ("0::/a\n", {"a/memory.max": "1000000000\n", "memory.max": "2000000000\n"}, GB),
        ("0::/a\n", {"a/memory.max": "9000000000000\n"}, ALL),
        ("0::/a\n", {"b/memory.max": "1000000000\n"}, ALL),
        ("4:memory:/a\n0::/\n", {"memory/a/memory.limit_in_bytes": "1000000000\n"}, GB),
        ("4:cpu,memory:/a\n", {"memory/memory.limit_in_bytes": "1000000000\n"}, GB),
        ("4:memory:/a\n", {"memory/a/memory.limit_in_bytes": "9223372036854771712\n"}, ALL),
        ("4:cpu:/a\n", {"memory/a/memory.limit_in_bytes": "1000000000\n"}, ALL),
    ],
)
def test_the_memory_is_the_machines_or_what_the_cgroups_allow(
    tmp_path: Path, membership: str, limits: dict[str, str], total: int
) -> None:
    files = MEMINFO | {f"cg/{name}": text for name, text in limits.items()}
    assert memory_total(*system(tmp_path, files | {"proc/self/cgroup": membership})) == total


def test_without_proc_the_system_is_asked_how_much_memory_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert memory_total(*system(tmp_path, {})) == pytest.approx(memory_total(cgroups=tmp_path), 0.1)

    def unknown(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr(os, "sysconf", unknown)
    assert memory_total(*system(tmp_path, {})) == 1024**3


# --- the node's alarms


def test_the_node_looks_in_every_tick(machine: Machine) -> None:
    world = World()
    world.node.watermarks = machine.watermarks()
    peer = publishing_peer(world)
    machine.used = 500 * MB
    world.passes(500)
    peer.receives(0, ConnectionBlocked("low on memory"))
    machine.used = 100 * MB
    world.passes(500)
    peer.receives(0, ConnectionUnblocked())
    assert peer.transport.is_reading


def test_a_changed_limit_can_be_made_to_count_at_once(machine: Machine) -> None:
    world = World()
    world.node.watermarks = watermarks = machine.watermarks()
    peer = publishing_peer(world)
    watermarks.set_memory_limit(relative=0.0)
    world.node.check_alarms(world.now_ms)
    world.settle()
    peer.receives(0, ConnectionBlocked("low on memory"))


def test_an_alarm_is_over_when_no_reason_is_left() -> None:
    world = World()
    peer = publishing_peer(world)
    world.node.set_alarm("disk", "watermark")
    world.node.set_alarm("disk", "a write failed")
    world.node.set_alarm("disk", "a write failed")
    world.node.clear_alarm("disk")  # who has not set it does not clear it
    world.node.clear_alarm("disk", "watermark")
    world.settle()
    peer.receives(0, ConnectionBlocked("low on disk"))
    peer.receives_nothing(0)
    world.node.clear_alarm("disk", "a write failed")
    world.node.clear_alarm("disk", "a write failed")
    world.settle()
    peer.receives(0, ConnectionUnblocked())
    assert world.node.alarms == {}


def test_what_others_asked_for_outlives_a_look_at_the_levels(machine: Machine) -> None:
    world = World()
    world.node.watermarks = machine.watermarks()
    world.node.set_alarm("disk", "a write failed")
    world.passes(1000)
    assert list(world.node.alarms) == ["disk"]


# --- whom an alarm stops


def publishing_peer(world: World) -> Peer:
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.publishes(1, "q", b"x")
    return peer


def test_a_peer_that_has_published_is_told_and_not_read_any_more() -> None:
    world = World()
    peer = publishing_peer(world)
    world.node.set_alarm("memory")
    world.settle()
    peer.receives(0, ConnectionBlocked("low on memory"))
    assert not peer.transport.is_reading


def test_a_peer_is_told_only_once_while_further_resources_run_low() -> None:
    world = World()
    peer = publishing_peer(world)
    world.node.set_alarm("memory")
    world.node.set_alarm("disk")
    world.settle()
    peer.receives(0, ConnectionBlocked("low on memory"))
    peer.receives_nothing(0)


def test_a_peer_that_publishes_during_an_alarm_is_blocked_at_its_first_publish() -> None:
    world = World()
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    world.node.set_alarm("memory")
    world.node.set_alarm("disk")
    world.settle()
    assert peer.transport.is_reading
    peer.publishes(1, "q", b"the last one before the block")
    peer.receives(0, ConnectionBlocked("low on memory & disk"))
    assert not peer.transport.is_reading
    assert world.queue("q").ready_count == 1


def test_a_consumer_goes_on() -> None:
    world = World()
    publisher = publishing_peer(world)
    world.node.set_alarm("memory")
    consumer = world.peer()
    consumer.opens_channel(1)
    consumer.consumes(1, "q")
    consumer.receives_bodies(1, b"x")
    assert consumer.transport.is_reading
    assert not publisher.transport.is_reading


def test_when_all_alarms_are_over_the_peer_is_told_and_read_again() -> None:
    world = World()
    peer = publishing_peer(world)
    world.node.set_alarm("memory")
    world.node.set_alarm("disk")
    world.node.clear_alarm("memory")
    world.settle()
    assert not peer.transport.is_reading
    world.node.clear_alarm("disk")
    world.settle()
    peer.receives(0, ConnectionBlocked("low on memory"), ConnectionUnblocked())
    assert peer.transport.is_reading


def test_after_an_alarm_whoever_does_not_publish_again_is_not_blocked_by_the_next() -> None:
    world = World()
    silent, busy = publishing_peer(world), publishing_peer(world)
    world.node.set_alarm("memory")
    world.node.clear_alarm("memory")
    for _ in range(3):  # by the fast path too
        busy.publishes(1, "q", b"x")
    world.node.set_alarm("memory")
    assert silent.transport.is_reading
    assert not busy.transport.is_reading


def test_a_peer_without_the_capability_is_blocked_but_not_told() -> None:
    world = World()
    peer = world.peer(capabilities=())
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.publishes(1, "q", b"x")
    world.node.set_alarm("disk")
    world.node.clear_alarm("disk")
    world.settle()
    peer.receives_nothing(0)
    assert peer.transport.is_reading


def test_a_blocked_peer_is_not_taken_for_dead() -> None:
    world = World()
    peer = world.peer(heartbeat=1)
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.publishes(1, "q", b"x")
    world.node.set_alarm("memory")
    world.passes(10_000)
    assert not peer.is_hung_up
    assert HEARTBEAT_FRAME in peer.transport.written
