"""kombu, and Celery with real worker processes, against our broker.

These two lean on much that a small client never touches: reply queues that expire, the pidbox
(fanout to all workers, answers to a queue per caller), prefetch for a whole channel, messages held
unacked until their time has come, events on a topic exchange.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import amqp.exceptions
import kombu.pools
import pytest
from celery import Task, chord, group
from celery.exceptions import TaskRevokedError
from kombu import Connection, Consumer, Exchange, Producer, Queue
from kombu.mixins import ConsumerMixin
from kombu.pidbox import Mailbox

from tests.conformance.programs.celery_app import make_app
from tests.conformance.programs.running import Program, broker_port, wait_until

ROOT = Path(__file__).parents[2]
WORKER_START_S = 30.0


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with broker_port() as port:
        yield f"amqp://guest:guest@127.0.0.1:{port}//"


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    with Connection(url, connect_timeout=5) as connection:
        yield connection


def a_name(what: str) -> str:
    return f"{what}-{uuid.uuid4().hex[:8]}"


def drain(connection: Connection, until: Callable[[], object], timeout_s: float = 10) -> None:
    """Let kombu deliver until something is true."""
    deadline = time.monotonic() + timeout_s
    while not until():
        assert time.monotonic() < deadline, "the messages expected did not arrive"
        try:
            connection.drain_events(timeout=0.5)
        except TimeoutError:
            continue


def take(queue: Queue, bodies: list[Any]) -> None:
    """One message off the queue, if there is one."""
    message = queue.get(no_ack=True)
    if message is not None:
        bodies.append(message.payload)


# kombu


def test_kombu_publishes_and_consumes(connection: Connection) -> None:
    exchange = Exchange(a_name("weather"), type="topic", auto_delete=True)
    queue = Queue(a_name("north"), exchange, routing_key="north.#", auto_delete=True)
    got: list[tuple[Any, dict[str, Any]]] = []

    def on_message(body: Any, message: Any) -> None:
        got.append((body, message.headers))
        message.ack()

    with Consumer(connection, [queue], callbacks=[on_message]):
        producer = Producer(connection.channel(), exchange, auto_declare=True)
        report = {"wind": 7.5, "gusts": [9, 11], "place": "Vardø"}
        producer.publish(report, routing_key="north.vardo", headers={"station": 17})
        producer.publish(report, routing_key="south.rome")
        producer.publish("low tide", routing_key="north", compression="zlib")
        drain(connection, lambda: len(got) == 2)
    assert got[0] == (report, {"station": 17})
    assert got[1][0] == "low tide"


def test_kombu_simple_queue(connection: Connection) -> None:
    with connection.SimpleQueue(a_name("simple"), queue_opts={"auto_delete": True}) as queue:
        with pytest.raises(queue.Empty):
            queue.get(block=False)
        queue.put({"number": 1})
        message = queue.get(timeout=5)
        assert message.payload == {"number": 1}
        message.requeue()
        message = queue.get(timeout=5)
        assert (message.payload, message.delivery_info["redelivered"]) == ({"number": 1}, True)
        message.ack()
        for number in range(2, 5):
            queue.put({"number": number})
        assert [queue.get(timeout=5).payload["number"] for _ in range(3)] == [2, 3, 4]
        assert len(queue) == 0  # all are with us, unacked


def test_kombu_prefetch(connection: Connection) -> None:
    queue = Queue(a_name("prefetch"), durable=False, auto_delete=True)
    held: list[Any] = []
    with connection.channel() as channel:
        bound = queue(channel)
        bound.declare()
        producer = Producer(channel)
        for number in range(6):
            producer.publish(number, routing_key=queue.name)
        with Consumer(channel, [queue], on_message=held.append, prefetch_count=2):
            drain(connection, lambda: len(held) == 2)
            with pytest.raises(TimeoutError):
                connection.drain_events(timeout=0.3)
            held[0].ack()
            drain(connection, lambda: len(held) == 3)
            held[2].ack(multiple=True)
            drain(connection, lambda: len(held) == 5)
            held[4].reject(requeue=True)
            drain(connection, lambda: len(held) == 6)
            assert [message.payload for message in held] == [0, 1, 2, 3, 4, 4]


def test_kombu_priorities_expiry_and_length(connection: Connection) -> None:
    """Arguments kombu's Queue knows by name: x-max-priority, x-message-ttl, x-max-length."""
    with connection.channel() as channel:
        producer = Producer(channel)
        urgent = Queue(a_name("urgent"), durable=False, max_priority=5, expires=30)(channel)
        urgent.declare()
        for priority in (1, 5, 3):
            producer.publish(str(priority), routing_key=urgent.name, priority=priority)
        bodies: list[str] = []
        wait_until(
            lambda: (
                bodies.append(m.payload) if (m := urgent.get(no_ack=True)) else len(bodies) == 3
            ),
            lambda: f"three messages expected: {bodies}",
        )
        assert bodies == ["5", "3", "1"]
        urgent.delete()

        short = Queue(a_name("short"), durable=False, max_length=2, message_ttl=0.2)(channel)
        short.declare()
        for number in range(4):
            producer.publish(number, routing_key=short.name)
        message = short.get(no_ack=True)
        assert message is not None
        assert message.payload == 2
        wait_until(lambda: short.get() is None, "the rest should have expired", 5)
        short.delete()


def test_kombu_publisher_confirms_and_returns(url: str) -> None:
    returned: list[str] = []

    def on_return(error: Exception, exchange: str, routing_key: str, message: Any) -> None:
        returned.append(routing_key)

    options = {"confirm_publish": True}
    with Connection(url, transport_options=options) as connection, connection.channel() as channel:
        queue = Queue(a_name("confirmed"), durable=False, exclusive=True)(channel)
        queue.declare()
        producer = Producer(channel, on_return=on_return)
        producer.publish("kept", routing_key=queue.name, mandatory=True)
        producer.publish("lost", routing_key="no such queue", mandatory=True)
        assert returned == ["no such queue"]
        assert queue.get(no_ack=True).payload == "kept"


def test_kombu_heartbeats(url: str) -> None:
    with Connection(url, heartbeat=1) as connection:
        connection.ensure_connection(max_retries=1)
        assert connection.get_heartbeat_interval() == 1
        deadline = time.monotonic() + 3.5
        while time.monotonic() < deadline:  # three times the interval: silent, we would be dropped
            connection.heartbeat_check(rate=2)
            try:
                connection.drain_events(timeout=0.25)
            except TimeoutError:
                continue
        assert connection.default_channel.queue_declare("", exclusive=True).message_count == 0


def test_kombu_a_silent_client_is_dropped(url: str) -> None:
    with Connection(url, heartbeat=1) as connection:
        connection.ensure_connection(max_retries=1)
        sock = connection.connection.transport.sock
        sock.settimeout(10)
        began = time.monotonic()
        with contextlib.suppress(ConnectionResetError):
            while data := sock.recv(4096):  # heartbeats of the broker, then the end
                assert data[0] == 8
        assert 1 < time.monotonic() - began < 6


def test_kombu_virtual_hosts(url: str) -> None:
    with Connection(url.removesuffix("/") + "nowhere") as connection:
        with pytest.raises(amqp.exceptions.NotAllowed) as caught:
            connection.connect()
        assert caught.value.reply_text == "NOT_ALLOWED - vhost nowhere not found"
    # URLs of Celery's documentation name "/" in three ways
    for same in ("//", "/%2F", ""):
        with Connection(url.removesuffix("//") + same) as connection:
            connection.connect()


def test_kombu_consumer_mixin_survives_a_lost_connection(url: str) -> None:
    queue = Queue(a_name("mixin"), durable=False, expires=30)

    class Worker(ConsumerMixin):
        connect_max_retries = 5

        def __init__(self, connection: Connection):
            self.connection = connection
            self.bodies: list[str] = []
            self.sockets: list[socket.socket] = []
            self.consuming = threading.Event()

        def get_consumers(self, consumer: type[Consumer], channel: Any) -> list[Consumer]:
            self.sockets.append(channel.connection.transport.sock)
            return [consumer([queue], callbacks=[self.on_message], prefetch_count=10)]

        def on_consume_ready(self, *arguments: Any, **options: Any) -> None:
            self.consuming.set()

        def on_message(self, body: str, message: Any) -> None:
            self.bodies.append(body)
            message.ack()

    with Connection(url) as connection, Connection(url) as other:
        worker = Worker(connection)
        thread = threading.Thread(target=worker.run, daemon=True)
        thread.start()
        assert worker.consuming.wait(10)
        producer = other.Producer()
        producer.publish("before", routing_key=queue.name)
        wait_until(lambda: worker.bodies == ["before"], lambda: f"{worker.bodies}")

        worker.consuming.clear()
        worker.sockets[0].shutdown(socket.SHUT_RDWR)
        assert worker.consuming.wait(10)
        assert len(worker.sockets) == 2
        producer.publish("after", routing_key=queue.name)
        wait_until(lambda: worker.bodies == ["before", "after"], lambda: f"{worker.bodies}")
        worker.should_stop = True
        thread.join(10)
        assert not thread.is_alive()


def test_kombu_pidbox(url: str) -> None:
    """A mailbox of our own: a question to all nodes, answered by each of two."""
    mailbox = Mailbox(a_name("office"), type="fanout", accept=["json"])
    with ExitStack() as stack:
        threads = []
        for name in ("ada", "bob"):
            connection = stack.enter_context(Connection(url))
            node = mailbox.Node(name, handlers={"who": lambda state, name=name, **_: name})
            node.channel = connection.default_channel
            stack.enter_context(node.listen())
            options = {"timeout": 10}
            threads.append(threading.Thread(target=connection.drain_events, kwargs=options))
        for thread in threads:
            thread.start()
        office = mailbox(stack.enter_context(Connection(url)))
        answers = office.multi_call("who", timeout=10, limit=2)
        for thread in threads:
            thread.join(10)
        assert sorted(answers, key=str) == [{"ada": "ada"}, {"bob": "bob"}]


# Celery


class Office:
    """A Celery application and the workers started for it."""

    def __init__(self, url: str, results: str, queue: str, stack: ExitStack):
        self.app = make_app(url, results, queue)
        self._stack = stack
        self._env = {"LEVERET_URL": url, "LEVERET_RESULTS": results, "LEVERET_QUEUE": queue}
        stack.callback(self._close)

    def _close(self) -> None:
        """Leave no socket behind: Celery would leave them to the garbage collector."""
        if hasattr(self.app.backend, "result_consumer"):
            self.app.backend.result_consumer.stop()
        self.app.close()
        kombu.pools.reset()

    def __getattr__(self, task: str) -> Task:
        return self.app.tasks[task]

    def start_worker(self, name: str, *options: str) -> Program:
        """A worker process; it takes tasks when this returns."""
        command = [sys.executable, "-m", "celery", "-A", "tests.conformance.programs.celery_app"]
        command += ["worker", "-n", f"{name}@here", "--loglevel=INFO", *options]
        worker = self._stack.enter_context(Program(command, cwd=ROOT, env=self._env))
        wait_until(
            lambda: f"{name}@here ready." in worker.text or worker.exit_code is not None,
            worker.describe,
            WORKER_START_S,
        )
        assert worker.exit_code is None, worker.describe()
        return worker


@pytest.fixture(scope="module")
def office(url: str) -> Iterator[Office]:
    """Results come back over the broker (rpc://), from one worker that does one task at a time."""
    with ExitStack() as stack:
        office = Office(url, "rpc://", "celery", stack)
        office.start_worker("solo", "--pool=solo")
        yield office


@pytest.fixture(scope="module")
def filing_office(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Results are files, which chords can be built on; two worker processes at work.

    Its virtual host is the same, its queue another, so that the workers keep to their own.
    """
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("results")
        office = Office(url, f"file://{folder}", "filing", stack)
        office.start_worker("prefork", "--pool=prefork", "--concurrency=2", "-Q", "filing")
        yield office


def test_celery_results(office: Office) -> None:
    assert office.add.delay(2, 3).get(timeout=10) == 5
    several = group(office.add.s(number, number) for number in range(20))()
    assert several.get(timeout=20) == [2 * number for number in range(20)]
    failed = office.fail.delay("no such parcel")
    with pytest.raises(ValueError, match="no such parcel"):
        failed.get(timeout=10)


def test_celery_chain(office: Office) -> None:
    chained = office.add.s(1, 2) | office.add.s(10) | office.add.s(100)
    assert chained().get(timeout=10) == 113


def test_celery_retry_and_countdown(office: Office) -> None:
    assert office.third_time_lucky.delay().get(timeout=20) == 2
    began = time.monotonic()
    assert office.add.apply_async((1, 1), countdown=0.7).get(timeout=10) == 2
    assert time.monotonic() - began >= 0.6


def test_celery_more_delayed_tasks_than_prefetch(office: Office) -> None:
    """Delayed tasks are held unacked: the worker raises its prefetch count for each of them."""
    later = [office.add.apply_async((number, 0), countdown=1.5) for number in range(12)]
    assert office.add.delay(1, 1).get(timeout=10) == 2
    assert [result.get(timeout=20) for result in later] == list(range(12))


def test_celery_routes_and_priorities(office: Office, tmp_path: Path) -> None:
    door, notes = tmp_path / "door", tmp_path / "notes"
    parcel = {"exchange": "parcels", "routing_key": "parcel.to.oslo"}
    assert office.add.apply_async((4, 5), **parcel).get(timeout=10) == 9
    # With the worker busy, the queue sorts what waits; what the worker prefetched has gone before.
    busy = office.wait_for_file.apply_async((str(door),), queue="urgent", priority=9)
    held = [office.wait_for_file.apply_async((str(door),), queue="urgent") for _ in range(8)]
    wait_until(Path(f"{door}.begun").exists, "the first task should be running")
    noted = []
    for priority in (1, 9, 5):
        arguments = (str(notes), str(priority))
        noted.append(office.note.apply_async(arguments, queue="urgent", priority=priority))
    door.touch()
    for result in [busy, *held, *noted]:
        result.get(timeout=10)
    assert notes.read_text().split() == ["9", "5", "1"]


def test_celery_remote_control(office: Office, tmp_path: Path) -> None:
    control = office.app.control
    assert control.ping(timeout=5, limit=1) == [{"solo@here": {"ok": "pong"}}]
    one = {"timeout": 5, "limit": 1}
    inspect = control.inspect(**one)
    stats = inspect.stats()["solo@here"]
    assert stats["broker"]["transport"] == "amqp"
    queues = {queue["name"] for queue in inspect.active_queues()["solo@here"]}
    assert queues == {"celery", "parcels", "urgent"}
    assert "add" in inspect.registered()["solo@here"]
    assert control.rate_limit("add", "100/s", reply=True, **one)[0]["solo@here"]["ok"]
    assert control.add_consumer("extra", reply=True, **one)[0]["solo@here"]["ok"]
    assert office.add.apply_async((7, 7), queue="extra").get(timeout=10) == 14
    assert control.cancel_consumer("extra", reply=True, **one)[0]["solo@here"]["ok"]
    missing = control.ping(destination=["nobody@nowhere"], timeout=0.3)
    assert missing == []


def test_celery_inspects_and_revokes(filing_office: Office, tmp_path: Path) -> None:
    office, door = filing_office, tmp_path / "door"
    control, who = office.app.control, "prefork@here"
    inspect = control.inspect(timeout=5, limit=1, destination=[who])
    running = office.wait_for_file.delay(str(door))
    wait_until(Path(f"{door}.begun").exists, "the task should be running")
    assert [task["id"] for task in inspect.active()[who]] == [running.id]
    later = office.add.apply_async((1, 1), countdown=600)
    wait_until(lambda: inspect.scheduled()[who], "the delayed task should be known")
    assert inspect.scheduled()[who][0]["request"]["id"] == later.id
    control.revoke([later.id, running.id], terminate=True, destination=[who])
    with pytest.raises(TaskRevokedError):
        running.get(timeout=10)
    wait_until(lambda: later.id in inspect.revoked()[who], "the delayed task should be revoked")


def test_celery_chord(filing_office: Office) -> None:
    """The callback waits in a task that looks at the results and retries itself."""
    office = filing_office
    header = [office.add.s(number, number) for number in range(8)]
    assert chord(header)(office.total.s()).get(timeout=30) == 56


def test_celery_events(office: Office) -> None:
    seen: list[dict[str, Any]] = []
    with office.app.connection_for_read() as connection:
        receiver = office.app.events.Receiver(connection, handlers={"*": seen.append})
        with receiver.consumer_context() as (live, _channel, _consumers):
            result = office.add.delay(20, 1)

            def kinds() -> set[str]:
                return {event["type"] for event in seen if event.get("uuid") == result.id}

            expected = {"task-sent", "task-received", "task-started", "task-succeeded"}
            drain(live, lambda: kinds() == expected, 15)
            drain(live, lambda: any(e["type"] == "worker-heartbeat" for e in seen), 15)
        assert result.get(timeout=10) == 21


def test_celery_redelivers_what_a_killed_worker_held(url: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        office = Office(url, "rpc://", "risky", stack)
        notes = tmp_path / "notes"
        options = ("--pool=solo", "-Q", "risky", "--without-gossip", "--without-mingle")
        first = office.start_worker("first", *options)
        result = office.first_run_hangs.delay(str(notes))
        wait_until(notes.exists, first.describe)
        first.kill()
        office.start_worker("second", *options)
        assert result.get(timeout=20) is True
