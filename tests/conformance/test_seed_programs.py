"""The programs in the seed notes (../shared/seeds), taken out of the notes and run as they stand.

The notes are not part of the project: where they are absent everything here is skipped. A program
is named by its note and the number of the fenced block it is in. What runs is the text of the
block; only what surrounds it is ours (programs/old_pika and programs/amqp_gem.rb say what).

Where a note says "change this part of that program", the two blocks are put together as it says.
Two blocks have a typing error that no Python accepts; `REPAIRS` lists the one character each needs.

The Python programs are written for pika 0.x: pika 0.13.1 is installed in a folder of its own.
"""

from __future__ import annotations

import contextlib
import logging
import re
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pika
import pika.exceptions
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from tests.conformance.programs.running import Program, broker_port, wait_until

SEEDS = Path(__file__).parents[3] / "shared" / "seeds"
HELPERS = Path(__file__).parent / "programs"
OLD_PIKA = (
    "pika==0.13.1 --hash=sha256:b785e0d5f74a94781bd7d020862eb137d2b56cef2a21475aadbe5bcc8ec4db15\n"
)

pytestmark = pytest.mark.skipif(not SEEDS.is_dir(), reason="the seed notes are not beside us")

# Every block that speaks to the broker is one of these; test_the_table_is_complete holds us to it.
PYTHON_PROGRAMS = {
    ("002", 1): "send.py: publishes to 'hello' without declaring it",
    ("002", 2): "receive.py: no_ack consumer",
    ("002", 4): "new_task.py: a change to send.py",
    ("002", 9): "the callback with an ack, in Python 2: a change to receive.py",
    ("002", 13): "new_task.py, final",
    ("002", 14): "worker.py, final",
    ("002", 20): "emit_log.py",
    ("002", 21): "receive_logs.py",
    ("004", 3): "producer of Hello World",
    ("004", 5): "consumer of Hello World",
    ("004", 7): "producer, message from the command line",
    ("004", 8): "consumer with ack",
    ("004", 15): "producer, durable",
    ("004", 16): "consumer, durable and prefetch 1",
    ("004", 17): "producer, fanout",
    ("004", 18): "consumer, fanout",
    ("004", 20): "producer, direct",
    ("004", 21): "consumer, direct",
}
RUBY_PROGRAMS = {("003", 18): "subscriber.rb", ("003", 19): "producer.rb"}
REPAIRS = {
    ("004", 5): ("host='localhost')\n", "host='localhost'))\n"),
    ("004", 20): ("mport pika\n", "import pika\n"),
}
# Single calls shown before the program they are from.
EXCERPTS = {
    ("002", 15): ("002", 21),
    ("002", 18): ("002", 21),
    ("002", 19): ("002", 21),
    ("004", 13): ("004", 8),
    ("004", 14): ("004", 15),
}
# Calls with full-width brackets and quotes.
NOT_PROGRAMS = {("002", number) for number in (10, 11, 12, 16, 17)}

# The second note prints this before what it does.
MARK = "[\N{MULTIPLICATION SIGN}]"
API = re.compile(r"^m?import pika|require 'amqp'|channel\s*\.|^def callback", re.M | re.I)

Start = Callable[..., Program]


def blocks(note: str) -> list[str]:
    """The fenced blocks of a note, in order."""
    (path,) = SEEDS.glob(f"{note}_*.txt")
    return re.findall(r"^```[^\n]*\n(.*?)^```", path.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def block(note: str, number: int) -> str:
    text = blocks(note)[number]
    if (note, number) in REPAIRS:
        wrong, right = REPAIRS[note, number]
        assert text.count(wrong) == 1
        text = text.replace(wrong, right)
    return text


def until(text: str, mark: str) -> str:
    """The text before the first occurrence of `mark`."""
    head, found, _ = text.partition(mark)
    assert found
    return head


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with broker_port() as port:
        yield port


@pytest.fixture
def channel(port: int, caplog: pytest.LogCaptureFixture) -> Iterator[BlockingChannel]:
    """A channel of ours, on a broker that does not know the queues of the notes."""
    caplog.set_level(logging.CRITICAL, logger="pika")  # it warns of each 404 we poll for
    connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port))
    channel = connection.channel()
    for queue in ("hello", "task_queue", "logins"):
        channel.queue_delete(queue)
    channel.exchange_delete("logs")
    yield channel
    if connection.is_open:
        connection.close()


@pytest.fixture(scope="module")
def old_pika(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder pika 0.13.1 was installed into."""
    folder = tmp_path_factory.mktemp("old-pika")
    requirements = folder / "requirements.txt"
    requirements.write_text(OLD_PIKA)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--require-hashes", "--retries=1"]
    command += ["--timeout=15", "--target", str(folder / "site"), "-r", str(requirements)]
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=60)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"pip could not install pika 0.13.1: {error}")
    return folder / "site"


@pytest.fixture
def start(port: int, old_pika: Path, tmp_path: Path) -> Iterator[Start]:
    """Writes a program to a file of the name given and starts it; all end with the test."""
    env = {
        "LEVERET_PORT": str(port),
        "LEVERET_SLEEP_SCALE": "0.1",
        "PYTHONPATH": f"{HELPERS / 'old_pika'}:{old_pika}",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONWARNINGS": "ignore",
    }
    with ExitStack() as running:

        def start(name: str, text: str, *arguments: str, python: str = sys.executable) -> Program:
            path = tmp_path / name
            path.write_text(text, "utf-8")
            program = Program([python, path, *arguments], cwd=tmp_path, env=env)
            return running.enter_context(program)

        yield start


def wait_for_consumers(channel: BlockingChannel, queue: str, count: int) -> None:
    """Until a queue exists and has this many consumers."""

    def there() -> bool:
        look = channel.connection.channel()
        try:
            found = look.queue_declare(queue, passive=True).method.consumer_count
        except pika.exceptions.ChannelClosedByBroker:
            return False
        look.close()
        return bool(found == count)

    wait_until(there, f"{count} consumers of {queue} expected")


def test_the_table_is_complete() -> None:
    """Each block that names the broker's API is run by a test below, or is listed with a reason."""
    known = {*PYTHON_PROGRAMS, *RUBY_PROGRAMS, *EXCERPTS, *NOT_PROGRAMS}
    for path in SEEDS.glob("*.txt"):
        note = path.name[:3]
        for number, text in enumerate(blocks(note)):
            if not API.search(text) or (note, number) == ("002", 5):
                continue  # that one is a callback without the broker: run as part of work.py
            assert (note, number) in known, f"note {note}, block {number}:\n{text}"


@pytest.mark.parametrize("where", sorted(NOT_PROGRAMS))
def test_blocks_with_full_width_brackets_are_not_programs(where: tuple[str, int]) -> None:
    with pytest.raises(SyntaxError):
        compile(block(*where), "note", "exec")


def test_hello_world(start: Start, channel: BlockingChannel) -> None:
    send, receive = block("002", 1), block("002", 2)
    # Nobody has declared the queue: the message goes nowhere, and send.py does not notice.
    assert start("send.py", send).ends() == [" [x] Sent 'Hello World!'"]
    receiver = start("receive.py", receive)
    receiver.waits_for(" [*] Waiting for messages. To exit press CTRL+C")
    start("send.py", send).ends()
    wait_until(lambda: len(receiver.lines) == 2, receiver.describe)
    assert receiver.lines[1:] == [r" [x] Received b'Hello World\xef\xbc\x81'"]


def test_tasks_go_round(start: Start, channel: BlockingChannel) -> None:
    send, receive = block("002", 1), block("002", 2)
    header = until(send, "channel.basic_publish")
    header = "\n".join(line for line in header.split("\n") if not line.startswith("#"))
    new_task = header + block("002", 4) + "connection.close()\n"
    consume = receive[receive.index("channel.basic_consume") :]
    work = until(receive, "def callback") + block("002", 5) + consume

    first, second = start("work.py", work), None
    wait_for_consumers(channel, "hello", 1)
    second = start("work.py", work)
    wait_for_consumers(channel, "hello", 2)
    tasks = ["", "First message.", "Second message..", "Third message..."]
    tasks += ["Fourth message....", "Fifth message....."]
    for task in tasks:
        sent = start("new_task.py", new_task, *task.split()).ends()
        assert sent == [f" [x] Sent {task or 'Hello World!'!r}"]
    for worker, share in ((first, tasks[0::2]), (second, tasks[1::2])):
        expected = []
        for task in share:
            expected += [f" [x] Received {(task or 'Hello World!').encode()!r}", " [x] Done"]
        wait_until(lambda w=worker: len(w.lines) == 7, worker.describe)
        assert worker.lines[1:] == expected


def test_the_callback_in_python_2(start: Start, channel: BlockingChannel) -> None:
    found = [shutil.which("python2.7"), *Path.home().glob(".pyenv/versions/2.7*/bin/python2.7")]
    works = [python for python in found if python and not subprocess.call([python, "-c", ""])]
    if not works:
        pytest.skip("no python2.7 on this machine")
    receive = block("002", 2)
    work = until(receive, "def callback") + "import time\n" + block("002", 9)
    worker = start("work.py", work + "\nchannel.start_consuming()\n", python=str(works[0]))
    wait_for_consumers(channel, "hello", 1)
    channel.basic_publish("", "hello", "for the old.")
    worker.waits_for(" [x] Received 'for the old.'", " [x] Done")


@pytest.mark.parametrize(
    ("producer", "worker", "note"), [(13, 14, "002"), (15, 16, "004")], ids=["002", "004"]
)
def test_durable_tasks(
    start: Start, channel: BlockingChannel, producer: int, worker: int, note: str
) -> None:
    new_task = block(note, producer)
    assert start("new_task.py", new_task, "A", "task.").ends() == [" [x] Sent 'A task.'"]
    state = channel.queue_declare("task_queue", durable=True)
    assert state.method.message_count == 1
    assert start("new_task.py", new_task).ends() == [" [x] Sent 'Hello World!'"]
    program = start("worker.py", block(note, worker))
    wait_until(lambda: len(program.lines) == 5, program.describe)
    assert program.lines[1:] == [
        " [x] Received b'A task.'",
        " [x] Done",
        " [x] Received b'Hello World!'",
        " [x] Done",
    ]


def test_logs(start: Start, channel: BlockingChannel) -> None:
    emit = block("002", 20)
    assert start("emit_log.py", emit).ends() == [" [x] Sent 'info: Hello World!'"]
    receivers = [start("receive_logs.py", block("002", 21)) for _ in range(2)]
    for receiver in receivers:
        receiver.waits_for(" [*] Waiting for logs. To exit press CTRL+C")
    start("emit_log.py", emit, "warning:", "rain").ends()
    for receiver in receivers:
        receiver.waits_for(" [x] b'warning: rain'")
        assert len(receiver.lines) == 2


def test_hello_world_of_the_second_note(start: Start, channel: BlockingChannel) -> None:
    assert start("send.py", block("004", 3)).ends() == [f" {MARK} Sent 'Hello World!'"]
    # "rabbitmqctl list_queues" shows hello 1 in the note
    assert channel.queue_declare("hello", passive=True).method.message_count == 1
    receiver = start("receive.py", block("004", 5))
    receiver.waits_for(
        "[*] Waiting for messages. To exit press CTRL+C", f"{MARK} Receive b'Hello World!'"
    )


def test_a_consumer_stopped_in_the_middle(start: Start, channel: BlockingChannel) -> None:
    sent = start("send.py", block("004", 7), "Hello", "World!").ends()
    assert sent == [f" {MARK} Sent 'Hello World!'"]
    receive = block("004", 8)
    first = start("receive.py", receive).waits_for(f"{MARK} Receive b'Hello World!'")
    first.interrupt()
    first.ends(exit_code=None)
    assert "KeyboardInterrupt" in first.text
    assert f"{MARK} Done" not in first.lines
    again = start("receive.py", receive)
    again.waits_for(f"{MARK} Receive b'Hello World!'", f"{MARK} Done")


def test_logs_of_the_second_note(start: Start, channel: BlockingChannel) -> None:
    waiting = "[*] Waiting for messages. To exit press CTRL+C"
    receivers = [start("receive.py", block("004", 18)).waits_for(waiting) for _ in range(2)]
    emit = block("004", 17)
    assert start("send.py", emit, "to", "all").ends() == [f" {MARK} Sent 'to all'"]
    for receiver in receivers:
        receiver.waits_for(f"{MARK} Receive b'to all'")
    # The next chapter of the note declares the same exchange as direct: refused until it is gone.
    refused = start("send.py", block("004", 20)).ends(exit_code=1)
    assert (
        "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'logs' in vhost '/': "
        "received 'direct' but current is 'fanout'"
    ) in refused[-1]


def test_direct_logs(start: Start, channel: BlockingChannel) -> None:
    send, receive = block("004", 20), block("004", 21)
    waiting = "[*] Waiting for messages. To exit press CTRL+C"
    info = start("receive.py", receive, "info").waits_for(waiting)
    warning = start("receive.py", receive, "warning").waits_for(waiting)
    both = start("receive.py", receive, "info", "warning").waits_for(waiting)
    assert start("send.py", send, "info", "hello").ends() == [f" {MARK} Sent 'info':'hello'"]
    assert start("send.py", send, "warning", "world").ends() == [f" {MARK} Sent 'warning':'world'"]
    both.waits_for(f"{MARK} 'info':b'hello'", f"{MARK} 'warning':b'world'")
    info.waits_for(f"{MARK} 'info':b'hello'")
    warning.waits_for(f"{MARK} 'warning':b'world'")
    assert len(info.lines) == len(warning.lines) == 2


def test_ruby_logins(port: int, channel: BlockingChannel, tmp_path: Path) -> None:
    """The amqp gem of today dropped the name MQ the programs use; given it, they run."""
    ruby = shutil.which("ruby")
    if ruby is None:
        pytest.skip("no ruby on this machine")
    check = subprocess.run([ruby, "-e", 'require "amqp"'], capture_output=True, check=False)
    if check.returncode:
        pytest.skip("this ruby has no amqp gem")
    env = {"LEVERET_PORT": str(port)}
    with ExitStack() as running:

        def start(number: int) -> Program:
            prompt, _, text = block("003", number).partition("\n")
            path = tmp_path / prompt.removeprefix("$ cat ")
            path.write_text(text)
            command = [ruby, "-r", HELPERS / "amqp_gem.rb", path]
            return running.enter_context(Program(command, env=env))

        subscriber = start(18)
        wait_for_consumers(channel, "logins", 1)
        start(19)  # it never ends by itself
        subscriber.waits_for("scott", "nic", "robi")
        assert subscriber.lines == ["scott", "nic", "robi"]


def test_an_amqp_gem_that_still_says_mq_is_greeted_and_then_refused(port: int) -> None:
    """What the gem of the note's time (0.6, 0.7) says, and what RabbitMQ 3.10 makes of it.

    It asks for AMQP 0-8 and is answered so; then it wants no limit of channels, where 2047 is the
    limit. RabbitMQ says nothing any more and closes the connection, some seconds later.
    """
    arguments = b"".join(
        bytes([len(key)]) + key + b"S" + struct.pack(">I", len(value)) + value
        for key, value in ((b"LOGIN", b"guest"), (b"PASSWORD", b"guest"))
    )
    start_ok = struct.pack(">HHI", 10, 11, 0) + b"\x08AMQPLAIN"
    start_ok += struct.pack(">I", len(arguments)) + arguments + b"\x05en_US"
    tune_ok = struct.pack(">HHHIH", 10, 31, 0, 131072, 0)
    open_ = struct.pack(">HH", 10, 40) + b"\x01/\x00\x00"

    def frame(payload: bytes) -> bytes:
        return struct.pack(">BHI", 1, 0, len(payload)) + payload + b"\xce"

    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as peer,
        peer.makefile("rb") as stream,
    ):

        def receive() -> bytes:
            kind, channel, size = struct.unpack(">BHI", stream.read(7))
            assert (kind, channel) == (1, 0)
            payload: bytes = stream.read(size)
            assert stream.read(1) == b"\xce"
            return payload

        peer.sendall(b"AMQP\x01\x01\x08\x00")
        assert receive()[:6] == struct.pack(">HHBB", 10, 10, 8, 0)
        peer.sendall(frame(start_ok))
        assert receive() == struct.pack(">HHHIH", 10, 30, 2047, 131072, 60)
        peer.sendall(frame(tune_ok) + frame(open_))
        with contextlib.suppress(ConnectionResetError):
            assert stream.read() == b""
