"""A connection whose user is a backend's: what is asked, when, and what becomes of the answers."""

from __future__ import annotations

import gc
import weakref

import pytest

from broker.amqp.erlang import Atom
from broker.amqp.frames import METHOD, PROTOCOL_HEADER
from broker.amqp.methods import (
    BasicConsume,
    BasicConsumeOk,
    BasicGet,
    BasicGetEmpty,
    BasicPublish,
    ChannelClose,
    ChannelCloseOk,
    ChannelOpen,
    ChannelOpenOk,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionOpen,
    ConnectionOpenOk,
    ConnectionStart,
    ConnectionTune,
    ConnectionTuneOk,
    ConnectionUpdateSecret,
    ConnectionUpdateSecretOk,
    ExchangeBind,
    ExchangeBindOk,
    ExchangeDeclare,
    ExchangeDeclareOk,
    Method,
    QueueBind,
    QueueBindOk,
    QueueDeclare,
    QueueDeclareOk,
    QueueDelete,
    QueueDeleteOk,
    TxCommit,
    TxCommitOk,
    TxSelect,
    TxSelectOk,
)
from broker.auth.backends import (
    NO,
    YES,
    Answer,
    NewSecret,
    ResourceAccess,
    TopicAccess,
    VhostAccess,
)
from broker.auth.mechanisms import Credentials
from broker.commands import DeclareQueue
from broker.session.access import ANSWERS_MAX, KEPT_MS, AskedAccess
from broker.session.states import State
from broker.session.waiting import WAITING_MAX
from tests.support.auth import NAME, FakeBackend, knows, put_before
from tests.support.builders import frame, message, table
from tests.support.peer import Peer, World

TAGS = ("management",)


@pytest.fixture
def backend() -> FakeBackend:
    backend = FakeBackend()
    knows(backend, "anna", b"pw", *TAGS)
    return backend


@pytest.fixture
def world(backend: FakeBackend) -> World:
    world = World()
    put_before(world.node, backend)
    return world


@pytest.fixture
def peer(world: World, backend: FakeBackend) -> Peer:
    """Anna's, with an open channel. The vhost was granted."""
    vhost = VhostAccess("anna", TAGS, "/", "127.0.0.1")
    backend.answers[vhost] = YES
    peer = world.peer(user="anna", password="pw")
    peer.opens_channel(1)
    backend.asked.clear()
    return peer


def resource(kind: str, name: str, permission: str) -> ResourceAccess:
    return ResourceAccess("anna", TAGS, "/", kind, name, permission)


def refused(what: str) -> str:
    return f"ACCESS_REFUSED - access to {what} in vhost '/' refused for user 'anna'"


# coming in


def started(world: World) -> Peer:
    peer = Peer(world)
    peer.sends_octets(PROTOCOL_HEADER)
    peer.takes(0, ConnectionStart)
    return peer


def test_a_login_waits_for_its_answer(world: World, backend: FakeBackend) -> None:
    peer = started(world)
    peer.sends(0, Peer.start_ok("bob", "pw"))
    peer.receives_nothing()
    assert peer.connection.state is State.SECURING
    assert backend.says(Answer(True, TAGS)) == Credentials("bob", b"pw")
    world.settle()
    peer.takes(0, ConnectionTune)
    assert (peer.connection.user.name, peer.connection.user.tags) == ("bob", TAGS)
    assert peer.connection.user is not world.node.users.get("bob")
    assert backend.asked == [Credentials("bob", b"pw")]


def test_what_a_peer_says_before_it_is_answered_is_heard_afterwards(
    world: World, backend: FakeBackend
) -> None:
    """The whole handshake and more in one packet, as RabbitMQ allows."""
    peer = started(world)
    octets = [
        frame(METHOD, 0, command.encode())
        for command in (
            Peer.start_ok("bob", "pw"),
            ConnectionTuneOk(2047, 131072, 0),
            ConnectionOpen("/"),
        )
    ]
    peer.sends_octets(b"".join(octets) + bytes.fromhex("01 0001 00000005 0014000a00 ce"))
    backend.says(YES)
    world.settle()
    peer.takes(0, ConnectionTune)
    peer.receives_nothing()
    assert peer.connection.state is State.OPENING
    assert backend.says() == VhostAccess("bob", (), "/", "127.0.0.1")
    world.settle()
    peer.receives(0, ConnectionOpenOk())
    assert len(peer.takes_all(1)) == 1
    assert peer.connection.channels[1].is_open


@pytest.mark.parametrize("answer", [NO, Answer(False, error=Atom("timeout"))])
def test_a_login_is_refused_when_the_answer_is_no(
    world: World, backend: FakeBackend, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    peer = started(world)
    peer.sends(0, Peer.start_ok("bob", "hunter2"))
    backend.says(answer)
    world.settle()
    text = (
        "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. "
        "For details see the broker logfile."
    )
    peer.is_closed_with(0, 403, text, (0, 0))
    assert "hunter2" not in caplog.text
    if answer.error is not None:
        assert f"{NAME} failed authenticating bob: timeout" in caplog.text
    assert world.node.backends.error_count == (answer.error is not None)


def test_another_start_ok_does_not_log_in_twice(world: World, backend: FakeBackend) -> None:
    peer = started(world)
    peer.sends(0, Peer.start_ok("bob", "pw"), Peer.start_ok("eve", "pw"))
    backend.says(NO)
    world.settle()
    peer.takes(0, ConnectionClose)
    assert backend.asked == [Credentials("bob", b"pw")]


@pytest.mark.parametrize("at", ["login", "vhost"])
def test_an_answer_for_a_peer_that_is_gone_is_no_news(
    world: World, backend: FakeBackend, at: str
) -> None:
    peer = started(world)
    peer.sends(0, Peer.start_ok("anna" if at == "vhost" else "bob", "pw"))
    if at == "vhost":
        peer.sends(0, ConnectionTuneOk(2047, 131072, 0), ConnectionOpen("/"))
    peer.drops()
    backend.says()
    world.settle()
    assert world.node.bug_count == 0
    assert not world.node.usage.connections_of
    assert not backend.waiting


def test_a_backend_that_says_nothing_does_not_keep_a_peer_for_ever(
    world: World, backend: FakeBackend
) -> None:
    peer = started(world)
    peer.sends(0, Peer.start_ok("bob", "pw"))
    world.passes(world.node.config.limits.handshake_timeout_ms)
    assert peer.is_hung_up
    backend.says()
    world.settle()
    assert world.node.bug_count == 0


def test_a_peer_that_talks_on_while_it_waits_is_not_read(
    world: World, backend: FakeBackend
) -> None:
    peer = started(world)
    peer.sends(0, Peer.start_ok("bob", "pw"))
    heartbeat = bytes.fromhex("08 0000 00000000 ce")
    for _ in range(40):
        peer.sends_octets(heartbeat * 4000)
    assert not peer.transport.is_reading
    backend.says()
    world.settle()
    peer.takes(0, ConnectionTune)
    assert peer.transport.is_reading


def test_the_vhost_is_asked_for_after_the_limits(world: World, backend: FakeBackend) -> None:
    peer = started(world)
    peer.sends(0, Peer.start_ok("anna", "pw"), ConnectionTuneOk(2047, 131072, 0))
    peer.takes(0, ConnectionTune)
    peer.sends(0, ConnectionOpen("nowhere"))
    peer.is_closed_with(0, 530, "NOT_ALLOWED - vhost nowhere not found", ConnectionOpen.ids)
    assert not backend.waiting


@pytest.mark.parametrize(
    ("answer", "suffix"),
    [
        (NO, ""),
        (
            Answer(False, error=Atom("timeout")),
            f", backend {NAME} returned an error: timeout",
        ),
    ],
)
def test_a_vhost_that_is_closed_to_the_user(
    world: World, backend: FakeBackend, answer: Answer, suffix: str
) -> None:
    peer = started(world)
    peer.sends(0, Peer.start_ok("anna", "pw"), ConnectionTuneOk(2047, 131072, 0))
    peer.takes(0, ConnectionTune)
    peer.sends(0, ConnectionOpen("/"))
    backend.says(answer)
    world.settle()
    text = f"NOT_ALLOWED - access to vhost '/' refused for user 'anna'{suffix}"
    peer.is_closed_with(0, 530, text, ConnectionOpen.ids)


# what is asked of a channel


def test_a_method_waits_for_its_answer_and_what_is_behind_it_for_both(
    peer: Peer, backend: FakeBackend
) -> None:
    peer.sends(1, QueueDeclare(queue="q"), QueueDeclare(queue="q", passive=True))
    peer.opens_channel(2)  # others go on
    peer.receives_nothing()
    assert backend.says() == resource("queue", "q", "configure")
    peer.world.settle()
    peer.receives(1, QueueDeclareOk("q", 0, 0), QueueDeclareOk("q", 0, 0))
    peer.declares(1, "q")  # the answer holds
    assert backend.asked == [resource("queue", "q", "configure")]


def test_a_no_is_told_and_asked_again_the_next_time(peer: Peer, backend: FakeBackend) -> None:
    for answer in (NO, NO, Answer(False, error=Atom("timeout"))):
        peer.sends(1, QueueDeclare(queue="q"))
        backend.says(answer)
        peer.world.settle()
        suffix = f", backend {NAME} returned an error: timeout" if answer.error else ""
        text = refused("queue 'q'") + suffix
        peer.is_closed_with(1, 403, text, QueueDeclare.ids)
        peer.reopens(1)
    assert len(backend.asked) == 3


def test_two_channels_that_ask_the_same_ask_once(peer: Peer, backend: FakeBackend) -> None:
    peer.opens_channel(2)
    for channel in (1, 2):
        peer.sends(channel, QueueDelete(queue="nope"))
    backend.says()
    peer.world.settle()
    for channel in (1, 2):
        peer.receives(channel, QueueDeleteOk(0))
    assert len(backend.asked) == 1


DEAD_LETTERING = table(x_dead_letter_exchange="amq.fanout")


@pytest.mark.parametrize(
    ("command", "reply", "questions"),
    [
        (
            QueueDeclare(queue="q", arguments=DEAD_LETTERING),
            QueueDeclareOk("q", 0, 0),
            [
                resource("queue", "q", "configure"),
                resource("queue", "q", "read"),
                resource("exchange", "amq.fanout", "write"),
            ],
        ),
        (
            ExchangeDeclare(
                exchange="x", type="direct", arguments=table(alternate_exchange="amq.fanout")
            ),
            ExchangeDeclareOk(),
            [
                resource("exchange", "x", "configure"),
                resource("exchange", "x", "read"),
                resource("exchange", "amq.fanout", "write"),
            ],
        ),
        (
            QueueBind(queue="there", exchange="amq.topic", routing_key="k"),
            QueueBindOk(),
            [
                resource("queue", "there", "write"),
                resource("exchange", "amq.topic", "read"),
                TopicAccess("anna", TAGS, "/", "amq.topic", "read", "k"),
            ],
        ),
        (
            ExchangeBind(destination="amq.fanout", source="amq.direct", routing_key="k"),
            ExchangeBindOk(),
            [
                resource("exchange", "amq.fanout", "write"),
                resource("exchange", "amq.direct", "read"),
            ],
        ),
        (BasicGet(queue="there"), BasicGetEmpty(), [resource("queue", "there", "read")]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_question_of_a_method_is_asked_once(
    world: World,
    peer: Peer,
    backend: FakeBackend,
    command: QueueDeclare,
    reply: QueueDeclareOk,
    questions: list[ResourceAccess],
) -> None:
    backend.answers[resource("queue", "there", "configure")] = YES
    peer.declares(1, "there")
    backend.asked.clear()
    peer.sends(1, command)
    backend.says_always()
    world.settle()
    peer.receives(1, reply)
    assert backend.asked == questions


def test_a_queue_without_a_name_keeps_the_one_that_was_drawn(
    peer: Peer, backend: FakeBackend
) -> None:
    peer.sends(1, QueueDeclare(queue="", arguments=DEAD_LETTERING))
    backend.says_always()
    peer.world.settle()
    first = peer.takes(1, QueueDeclareOk).queue
    peer.sends(1, QueueDeclare(queue=""))
    backend.says_always()
    peer.world.settle()
    assert peer.takes(1, QueueDeclareOk).queue != first
    assert backend.asked[0] == resource("queue", first, "configure")
    assert len(backend.asked) == 4


# publishing


@pytest.mark.parametrize("body", [b"x", b"x" * 200_000], ids=["one frame", "several"])
@pytest.mark.parametrize("fast_path", [True, False])
def test_messages_wait_in_order(backend: FakeBackend, body: bytes, fast_path: bool) -> None:
    world = World({"fast_path": fast_path})
    put_before(world.node, backend)
    backend.answers[VhostAccess("anna", TAGS, "/", "127.0.0.1")] = YES
    backend.answers[resource("queue", "q", "configure")] = YES
    peer = world.peer(user="anna", password="pw")
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.wants_confirms(1)
    backend.asked.clear()
    bodies = [body + str(number).encode() for number in range(5)]
    peer.publishes(1, "q", *bodies)
    peer.sends(1, QueueDeclare(queue="q", passive=True))
    peer.receives_nothing()
    assert backend.says() == resource("exchange", "amq.default", "write")
    world.settle()
    assert peer.takes(1, QueueDeclareOk).message_count == 5
    assert [message.body for message in world.queue("q").ready] == bodies
    assert len(backend.asked) == 1
    peer.publishes(1, "q", *bodies)
    assert world.queue("q").ready_count == 10
    assert len(backend.asked) == 1


def test_each_routing_key_of_a_topic_exchange_is_asked_for(
    peer: Peer, backend: FakeBackend
) -> None:
    for key in ("a", "b", "a"):
        peer.publishes(1, key, "x", exchange="amq.topic")
        backend.says_always()
    assert backend.asked == [
        resource("exchange", "amq.topic", "write"),
        TopicAccess("anna", TAGS, "/", "amq.topic", "write", "a"),
        TopicAccess("anna", TAGS, "/", "amq.topic", "write", "b"),
    ]
    peer.publishes(1, "c", "x", exchange="amq.topic")
    backend.says(NO)
    peer.world.settle()
    text = "ACCESS_REFUSED - access to topic 'c' in exchange 'amq.topic' in vhost '/' refused for "
    peer.is_closed_with(1, 403, text + "user 'anna'", BasicPublish.ids)


def test_a_refused_publish_takes_what_was_behind_it_along(peer: Peer, backend: FakeBackend) -> None:
    peer.publishes(1, "q", "1", "2", "3")
    backend.says(NO)
    peer.world.settle()
    text = refused("exchange 'amq.default'")
    peer.is_closed_with(1, 403, text, BasicPublish.ids)
    assert not backend.waiting


def test_a_transaction_waits_too(peer: Peer, backend: FakeBackend) -> None:
    backend.answers[resource("queue", "q", "configure")] = YES
    peer.declares(1, "q")
    peer.sends(1, TxSelect())
    peer.receives(1, TxSelectOk())
    peer.publishes(1, "q", "1", "2")
    peer.sends(1, TxCommit())
    peer.receives_nothing()
    backend.says()
    peer.world.settle()
    peer.receives(1, TxCommitOk())
    assert peer.world.queue("q").ready_count == 2


# how long answers hold


def test_answers_hold_for_a_while(peer: Peer, backend: FakeBackend) -> None:
    world = peer.world
    backend.is_patient = False
    peer.declares(1, "q")
    for _ in range(3):
        peer.publishes(1, "q", "x", "x")
    assert len(backend.asked) == 2
    world.passes(KEPT_MS)
    peer.publishes(1, "q", "x", "x")
    peer.declares(1, "q")
    assert len(backend.asked) == 4
    assert world.queue("q").ready_count == 8


def test_only_so_many_answers_are_kept(peer: Peer, backend: FakeBackend) -> None:
    backend.is_patient = False
    for number in range(ANSWERS_MAX + 10):
        peer.publishes(1, f"k{number}", "x", exchange="amq.topic")
    access = peer.connection.access
    assert isinstance(access, AskedAccess)
    assert len(access._answers) <= ANSWERS_MAX


# secrets


def test_a_new_secret_is_the_backends_affair(world: World, backend: FakeBackend) -> None:
    backend.takes_secrets = True
    backend.answers[VhostAccess("anna", TAGS, "/", "127.0.0.1")] = YES
    backend.answers[resource("queue", "q", "configure")] = YES
    peer = world.peer(user="anna", password="pw")
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.sends(0, ConnectionUpdateSecret(b"token", "it was time"))
    peer.receives_nothing()
    peer.declares(1, "q")  # channels go on
    backend.asked.clear()
    assert backend.says() == NewSecret("anna", TAGS, b"token")
    world.settle()
    peer.receives(0, ConnectionUpdateSecretOk())
    peer.declares(1, "q")  # asked anew
    assert backend.asked == [resource("queue", "q", "configure")]
    for answer, text in (
        (NO, "NOT_ALLOWED - New secret was refused by one of the backends"),
        (Answer(False, error=Atom("timeout")), "NOT_ALLOWED - Secret update failed"),
    ):
        other = world.peer(user="anna", password="pw")
        other.sends(0, ConnectionUpdateSecret(b"token", "it was time"))
        backend.says(answer)
        world.settle()
        other.is_closed_with(0, 530, text, ConnectionUpdateSecret.ids)


def test_a_backend_that_takes_no_secrets_is_not_asked(peer: Peer, backend: FakeBackend) -> None:
    peer.sends(0, ConnectionUpdateSecret(b"token", "it was time"))
    peer.receives(0, ConnectionUpdateSecretOk())
    assert backend.asked == []


# the end


def test_a_close_waits_for_what_came_before_it(peer: Peer, backend: FakeBackend) -> None:
    peer.sends(1, QueueDeclare(queue="q"))
    peer.sends(0, ConnectionClose(200, "", 0, 0))
    peer.receives_nothing()
    backend.says()
    peer.world.settle()
    peer.receives(1, QueueDeclareOk("q", 0, 0))
    peer.receives(0, ConnectionCloseOk())


@pytest.mark.parametrize("answer", [YES, NO])
def test_an_answer_for_a_channel_that_is_gone_is_no_news(
    peer: Peer, backend: FakeBackend, answer: Answer
) -> None:
    peer.sends(1, QueueDeclare(queue="q", exclusive=True))
    peer.publishes(1, "q", "x")
    peer.drops()
    backend.says(answer)
    peer.world.settle()
    assert peer.world.vhost.queues == {}
    assert peer.world.node.bug_count == 0


def test_an_answer_that_comes_twice_counts_once(peer: Peer, backend: FakeBackend) -> None:
    peer.sends(1, QueueDeclare(queue="q"))
    _, done = backend.waiting[0]
    backend.says(YES)
    done(NO)
    peer.world.settle()
    peer.receives(1, QueueDeclareOk("q", 0, 0))
    peer.declares(1, "q")


def test_a_backend_that_raises_says_no(
    peer: Peer, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("it broke")

    monkeypatch.setattr(backend, "ask", fail)
    peer.sends(1, QueueDeclare(queue="q"))
    text = refused("queue 'q'") + f", backend {NAME} returned an error: internal_error"
    peer.is_closed_with(1, 403, text, QueueDeclare.ids)
    assert peer.world.node.backends.error_count == 1


def test_a_large_message_that_waits_stops_the_reading(peer: Peer, backend: FakeBackend) -> None:
    peer.publishes(1, "nowhere", "x" * WAITING_MAX)
    assert not peer.transport.is_reading
    backend.says()
    peer.world.settle()
    assert peer.transport.is_reading


def test_questions_of_two_kinds_with_the_same_values_are_two(
    peer: Peer, backend: FakeBackend
) -> None:
    """A key that anna may publish does not open a queue to her."""
    backend.is_patient = False
    peer.sends(1, ExchangeDeclare(exchange="queue", type="topic"))
    peer.receives(1, ExchangeDeclareOk())
    peer.publishes(1, "read", "x", exchange="queue")
    peer.declares(1, "write")
    backend.asked.clear()
    peer.sends(1, BasicGet(queue="write"))
    peer.receives(1, BasicGetEmpty())
    (question,) = backend.asked
    assert isinstance(question, ResourceAccess)


@pytest.mark.parametrize(
    ("number", "command"), [(0, ConnectionClose(200, "", 0, 0)), (1, QueueDeclare(queue="q"))]
)
def test_a_peer_that_sends_small_frames_while_it_waits_is_not_read(
    peer: Peer, backend: FakeBackend, number: int, command: Method
) -> None:
    peer.publishes(1, "nowhere", "x")
    count = 0
    while peer.transport.is_reading:
        peer.sends(number, *[command] * 100)
        count += 100
        assert count < WAITING_MAX // 100
    assert not peer.is_hung_up


def test_what_one_channel_is_answered_frees_no_room_for_another(
    peer: Peer, backend: FakeBackend
) -> None:
    peer.opens_channel(2)
    peer.publishes(1, "nowhere", "x" * (WAITING_MAX * 3 // 4))
    slow = backend.waiting.pop()
    peer.publishes(2, "nowhere", "x" * (WAITING_MAX // 2), exchange="amq.fanout")
    assert not peer.transport.is_reading
    backend.says()
    peer.world.settle()
    assert peer.transport.is_reading
    peer.publishes(2, "nowhere", "x" * (WAITING_MAX // 2), exchange="amq.direct")
    assert not peer.transport.is_reading  # the first one still waits
    backend.says()
    peer.world.settle()
    assert peer.transport.is_reading
    slow[1](YES)
    peer.world.settle()
    peer.publishes(2, "nowhere", "x" * (WAITING_MAX * 3 // 4), exchange="amq.headers")
    assert peer.transport.is_reading


def test_what_was_read_already_waits_as_it_is(peer: Peer, backend: FakeBackend) -> None:
    """One read of a socket may bring tens of thousands of frames."""
    count = 20_000
    peer.publishes(1, "nowhere", "x")
    peer.sends(1, *[BasicGet(queue="q")] * count)
    channel = peer.connection.channels[1]
    assert channel.waiting is not None
    assert len(channel.waiting) < count // 2
    backend.answers[resource("queue", "q", "read")] = YES
    peer.world.node.execute(DeclareQueue("/", "q"))
    backend.says()
    peer.world.settle()
    peer.receives(1, *[BasicGetEmpty()] * count)
    assert peer.transport.is_reading


def test_a_peer_that_waits_and_is_not_read_need_not_show_that_it_lives(
    world: World, backend: FakeBackend
) -> None:
    backend.answers[VhostAccess("anna", TAGS, "/", "127.0.0.1")] = YES
    peer = world.peer(user="anna", password="pw", heartbeat=2)
    peer.opens_channel(1)
    peer.publishes(1, "nowhere", "x" * WAITING_MAX)
    world.passes(10_000)
    assert not peer.is_hung_up
    backend.says()
    world.passes(10_000)
    assert peer.is_hung_up


@pytest.mark.parametrize("answer", [YES, NO])
@pytest.mark.parametrize("reopens", [False, True])
def test_a_message_of_a_channel_that_was_closed_meanwhile_is_nobodys(
    backend: FakeBackend, answer: Answer, reopens: bool
) -> None:
    world = World({"consumer_timeout": 1000})
    put_before(world.node, backend)
    backend.answers[VhostAccess("anna", TAGS, "/", "127.0.0.1")] = YES
    backend.answers[resource("queue", "q", "read")] = YES
    peer = world.peer(user="anna", password="pw")
    peer.opens_channel(1)
    world.node.execute(DeclareQueue("/", "q"))
    world.queue("q").push(message("to be acked"))
    peer.sends(1, BasicConsume(queue="q", consumer_tag="tag"))
    peer.receives(1, BasicConsumeOk("tag"))
    peer.takes_content(1)
    peer.publishes(1, "q", "x")
    world.passes(61_000)
    peer.takes(1, ChannelClose)
    if reopens:
        peer.sends(1, ChannelCloseOk(), ChannelOpen())
    backend.says(answer)
    world.settle()
    if reopens:
        peer.receives(1, ChannelOpenOk())
    peer.receives_nothing()
    assert world.queue("q").ready_count == 1


@pytest.mark.parametrize("at", ["login", "vhost", "channels"])
def test_a_question_does_not_keep_a_peer_in_memory_that_is_gone(
    world: World, backend: FakeBackend, at: str
) -> None:
    """Whoever logs in and hangs up, over and over, must not pile up behind a slow backend."""
    peer = started(world)
    peer.sends(0, Peer.start_ok("bob" if at == "login" else "anna", "pw"))
    if at != "login":
        peer.sends(0, ConnectionTuneOk(2047, 131072, 0), ConnectionOpen("/"))
    if at == "channels":
        backend.says()
        world.settle()
        peer.opens_channel(1, 2)
        for number in (1, 2):
            peer.sends(number, QueueDeclare(queue="q"), QueueDeclare(queue="q"))
    assert backend.waiting
    peer.drops()
    gone = weakref.ref(peer.transport)
    del peer
    gc.collect()
    assert gone() is None
    backend.says_always()
    assert world.node.bug_count == 0
