"""A real broker on a real disk that does not let it write: full, files that may not grow, SIGTERM.

Beside tests/fault/test_disk_faults.py; what needs no process is tested without one.
"""

from __future__ import annotations

import os
import resource
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from tests.integration.support import wait_until
from tests.support.process import BrokerProcess

PERSISTENT = pika.BasicProperties(delivery_mode=2)
NO_WATERMARK = ("--set", "disk_free_limit.absolute=0")  # which would be quicker


def connect(broker: BrokerProcess) -> pika.BlockingConnection:
    return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", broker.port))


def says(broker: BrokerProcess, text: str) -> None:
    wait_until(lambda: text in broker.log.read_text(), text)


class Publisher(threading.Thread):
    """Publishes with confirms, one after another, until it is told to end."""

    def __init__(self, broker: BrokerProcess, queue: str, size: int):
        super().__init__(name="publisher")
        self.confirmed = 0
        self.is_ending = False
        self.was_blocked = self.was_unblocked = False
        self._queue, self._body = queue, b"x" * size
        self._connection = connect(broker)
        self._connection.add_on_connection_blocked_callback(self._blocked)
        self._connection.add_on_connection_unblocked_callback(self._unblocked)
        self._channel = self._connection.channel()
        self._channel.confirm_delivery()

    def _blocked(self, *_: object) -> None:
        self.was_blocked = True

    def _unblocked(self, *_: object) -> None:
        self.was_unblocked = True

    def run(self) -> None:
        while not self.is_ending:
            number = f"{self.confirmed:06}".encode()
            self._channel.basic_publish("", self._queue, number + self._body, PERSISTENT)
            self.confirmed += 1
        self._connection.close()

    def ends(self) -> int:
        """Returns: how many were confirmed."""
        self.is_ending = True
        self.join(30)
        assert not self.is_alive()
        return self.confirmed


def drain(channel: BlockingChannel, queue: str) -> list[int]:
    found = []
    while (body := channel.basic_get(queue, auto_ack=True)[2]) is not None:
        found.append(int(body[:6]))
    return found


def goes_on(broker: BrokerProcess) -> None:
    """Whoever wants nothing of the disk is served."""
    with connect(broker) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.basic_publish("", queue, b"transient")
        assert channel.basic_get(queue, auto_ack=True)[2] == b"transient"


def survives(
    broker: BrokerProcess, breaks: Callable[[], object], heals: Callable[[], object]
) -> None:
    """The disk fails under a publisher; later it does not. Then the broker is killed."""
    with connect(broker) as connection:
        connection.channel().queue_declare("q", durable=True)
    publisher = Publisher(broker, "q", 10_000)
    publisher.start()
    wait_until(lambda: publisher.confirmed > 20, "it publishes")
    breaks()
    says(broker, "a commit failed")
    wait_until(lambda: publisher.was_blocked, "it is told")
    confirmed = publisher.confirmed
    goes_on(broker)
    assert publisher.confirmed == confirmed
    heals()
    wait_until(lambda: publisher.was_unblocked, "it is told")
    wait_until(lambda: publisher.confirmed > confirmed + 20, "it publishes again")
    confirmed = publisher.ends()
    broker.stop(9)
    broker.start()
    with connect(broker) as connection:
        found = drain(connection.channel(), "q")
    assert found == list(range(confirmed))
    said = broker.log.read_text()
    assert "the disk takes writes again" in said
    assert "Traceback" not in said
    assert "bug:" not in said


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    """A limit of the system (EFBIG), put on the running process and lifted again."""
    with BrokerProcess(data_dir=tmp_path) as broker:
        _, hard = resource.prlimit(broker.pid, resource.RLIMIT_FSIZE)

        def breaks() -> None:
            size = max(path.stat().st_size for path in (tmp_path / "log").glob("*.seg"))
            resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (size + 30_000, hard))

        survives(
            broker,
            breaks,
            lambda: resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (hard, hard)),
        )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 8 MB, where the tests may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a filesystem")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(place: Path) -> Path:
    """All that is left is taken. Returns: by which file."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    return ballast


def test_a_filesystem_that_is_full_of_other_things(small_disk: Path) -> None:
    with BrokerProcess(*NO_WATERMARK, data_dir=small_disk / "data") as broker:
        survives(broker, lambda: fill(small_disk), lambda: (small_disk / "ballast").unlink())


def test_declarations_wait_for_room(small_disk: Path) -> None:
    with BrokerProcess(*NO_WATERMARK, data_dir=small_disk / "data") as broker:
        ballast = fill(small_disk)
        answered = threading.Event()
        names = [f"{number} {'x' * 200}" for number in range(100)]

        def declares() -> None:
            with connect(broker) as connection:
                channel = connection.channel()
                for name in names:
                    channel.queue_declare(name, durable=True)
                answered.set()

        client = threading.Thread(target=declares)
        client.start()
        says(broker, "a commit failed")
        goes_on(broker)
        assert not answered.is_set()
        ballast.unlink()
        client.join(30)
        assert answered.is_set()
        broker.stop(9)
        broker.start()
        with connect(broker) as connection:
            for name in names:
                connection.channel().queue_declare(name, passive=True)


def test_a_stop_while_the_disk_is_full(small_disk: Path) -> None:
    """It ends, says what it could not do, and the next start has what was confirmed."""
    with BrokerProcess(*NO_WATERMARK, data_dir=small_disk / "data") as broker:
        with connect(broker) as connection:
            channel = connection.channel()
            channel.queue_declare("q", durable=True)
            channel.confirm_delivery()
            for number in range(20):
                channel.basic_publish("", "q", f"{number:06}".encode(), PERSISTENT)
        ballast = fill(small_disk)
        with connect(broker) as connection:
            channel = connection.channel()
            channel.basic_publish("", "q", b"000020" + bytes(100_000), PERSISTENT)
            says(broker, "a commit failed")
            assert broker.stop() == 0
        assert "what was last acked or declared could not be written" in broker.log.read_text()
        ballast.unlink()
        broker.start()
        with connect(broker) as connection:
            assert drain(connection.channel(), "q") == list(range(20))
        assert "Traceback" not in broker.log.read_text()


def test_a_start_on_a_full_disk(small_disk: Path) -> None:
    """Clean or not, what is there can be read; whoever wants to write has to wait."""
    data_dir = small_disk / "data"
    with BrokerProcess(*NO_WATERMARK, data_dir=data_dir) as broker:
        with connect(broker) as connection:
            channel = connection.channel()
            channel.queue_declare("q", durable=True)
            channel.confirm_delivery()
            for number in range(20):
                channel.basic_publish("", "q", f"{number:06}".encode(), PERSISTENT)
        broker.stop(9)
        ballast = fill(small_disk)
        try:
            broker.start()
        except RuntimeError:
            pass  # SQLite may need a page to open its write-ahead log
        else:
            with connect(broker) as connection:
                assert connection.channel().basic_get("q")[2] == b"000000"
            broker.stop(9)
        ballast.unlink()
        broker.start()
        with connect(broker) as connection:
            assert drain(connection.channel(), "q") == list(range(20))
        assert "Traceback" not in broker.log.read_text()
