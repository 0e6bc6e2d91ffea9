from __future__ import annotations

import errno
import logging
import os
import resource
import subprocess
import sys

import pytest

from broker import descriptors
from broker.descriptors import (
    UNLIMITED,
    file_limit,
    guard,
    handles_limit,
    next_descriptor,
    raise_limit,
    sockets_limit,
    tell_limit,
    used,
    web_guard,
    web_limit,
)


class FileLimit:
    """The system's limit of open files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, soft: int, hard: int):
        self.limits = (soft, hard)
        self.error: Exception | None = None
        self.calls = 0
        monkeypatch.setattr(resource, "getrlimit", self._get)
        monkeypatch.setattr(resource, "setrlimit", self._set)

    def _get(self, which: int) -> tuple[int, int]:
        assert which == resource.RLIMIT_NOFILE
        return self.limits

    def _set(self, which: int, limits: tuple[int, int]) -> None:
        assert which == resource.RLIMIT_NOFILE
        self.calls += 1
        if self.error is not None:
            raise self.error
        self.limits = limits


def test_a_node_takes_as_many_descriptors_as_it_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = FileLimit(monkeypatch, 1024, 524_288)
    raise_limit()
    assert limit.limits == (524_288, 524_288)
    raise_limit()
    assert limit.calls == 1


@pytest.mark.parametrize("error", [ValueError("not allowed"), OSError(22, "Invalid argument")])
def test_a_limit_that_cannot_be_raised_stays(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Some systems name one that they refuse."""
    limit = FileLimit(monkeypatch, 256, resource.RLIM_INFINITY)
    limit.error = error
    raise_limit()
    assert (limit.calls, limit.limits) == (1, (256, resource.RLIM_INFINITY))


def test_the_limit_of_this_process_can_be_raised() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        raise_limit()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert soft == hard == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    ("total", "handles", "sockets"),
    [(1024, 921, 826), (65_536, 65_433, 58_887), (1_048_576, 1_048_473, 943_623), (200, 97, 85)],
)
def test_clients_have_as_many_as_with_rabbitmq(total: int, handles: int, sockets: int) -> None:
    assert (handles_limit(total), sockets_limit(total)) == (handles, sockets)


@pytest.mark.parametrize("total", [4, 20, 55, 100, 145, 256, 1024, 4096, 524_288])
def test_somebody_gets_in_and_something_is_left(total: int) -> None:
    assert 0 < sockets_limit(total) <= guard(total) <= web_guard(total) <= total
    assert 4 <= web_limit(total) <= max(4, total // 16)


def test_no_limit_is_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    FileLimit(monkeypatch, resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    assert file_limit() == UNLIMITED
    assert sockets_limit(file_limit()) > 10**9


def test_the_next_number_is_the_lowest_that_is_free() -> None:
    read, write = os.pipe()
    os.close(write)
    os.close(read)
    lowest = min(read, write)
    assert next_descriptor() == lowest == next_descriptor()


@pytest.mark.parametrize("input_error", [errno.EMFILE, errno.EBADF])
def test_when_there_is_none_left(monkeypatch: pytest.MonkeyPatch, input_error: int) -> None:
    def dup(_number: int) -> int:
        raise OSError(input_error, "no")

    def open_none(*_values: object) -> int:
        raise OSError(errno.EMFILE, "no")

    monkeypatch.setattr(os, "dup", dup)
    monkeypatch.setattr(os, "open", open_none)
    assert next_descriptor() == UNLIMITED


def test_a_closed_input_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = next_descriptor()

    def dup(_number: int) -> int:
        raise OSError(errno.EBADF, "no")

    monkeypatch.setattr(os, "dup", dup)
    assert next_descriptor() == expected


class Status:
    st_size = 0


@pytest.mark.parametrize("has_size", [True, False])
def test_what_is_open_is_counted(monkeypatch: pytest.MonkeyPatch, has_size: bool) -> None:
    if not has_size:  # Linux before 6.2
        monkeypatch.setattr(os, "stat", lambda path: Status())
    before = used()
    read, write = os.pipe()
    assert used() == before + 2 > 2
    os.close(read)
    os.close(write)
    assert used() == before


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOENT])
def test_where_it_cannot_be_counted(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def stat(_path: str) -> Status:
        raise OSError(number, "no")

    monkeypatch.setattr(os, "stat", stat)
    assert used() == (file_limit() if number == errno.EMFILE else 0)


def test_few_are_said_to_be_few(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    FileLimit(monkeypatch, 1024, 1024)
    tell_limit()
    assert caplog.messages == ["Limiting to approx 921 file handles (826 sockets)"]
    monkeypatch.setattr(descriptors, "file_limit", lambda: 256)
    tell_limit()
    assert caplog.records[-1].levelname == "WARNING"
    assert "limit=256 sockets=135" in caplog.messages[-1]


def test_closed_outputs_are_opened() -> None:
    program = (
        "import os, sys\n"
        "from broker.descriptors import open_standard\n"
        "open_standard()\n"
        "print('said'); print('said', file=sys.stderr)\n"
        "places = [os.readlink(f'/proc/self/fd/{number}') for number in range(3)]\n"
        "os._exit(places != [os.devnull] * 3)\n"
    )
    command = f'exec "{sys.executable}" -c "{program}" 0<&- 1>&- 2>&-'
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 0
