from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from broker.amqp.content import Properties
from broker.amqp.methods import (
    BasicAck,
    BasicConsume,
    BasicGet,
    BasicGetEmpty,
    BasicGetOk,
    BasicNack,
    ExchangeDelete,
    Method,
    QueueBind,
    QueueDeclare,
    QueueDeclareOk,
    QueueDelete,
    QueueDeleteOk,
    QueuePurge,
    QueuePurgeOk,
)
from broker.commands import DeleteVhost, SetParameter, SetPermissions, SetUserLimits
from broker.management.application import Context
from broker.management.direct import DirectChannel, Reply, request
from broker.management.request import Refusal
from broker.management.visitor import Visitor
from tests.support.api import Api
from tests.support.builders import table
from tests.support.hearing import HearingWorld
from tests.support.peer import DelayedLog, DelayedReplicator, Peer, World

T = TypeVar("T")


class Inside:
    """Direct channels of guest's in a node, and what is left of them."""

    def __init__(self, world: World):
        self.api = Api(world)
        self.world = world
        self.node = world.node

    async def visitor(self, name: str = "guest") -> Visitor:
        return await self.api.application.doorkeeper.admit(
            self.api.request("GET", "/whoami", user=name)
        )

    async def context(self, vhost: str = "/", user: str = "guest") -> Context:
        asked = self.api.request("GET", "/whoami", user=user)
        asked.params["vhost"] = vhost
        return Context(self.api.management, asked, await self.visitor(user))

    def does(
        self,
        work: Callable[[DirectChannel], Awaitable[T]],
        *,
        vhost: str = "/",
        user: str = "guest",
    ) -> T:
        """What comes of it; afterwards nothing of the channel is left."""

        async def inside() -> T:
            channel = DirectChannel(self.node, await self.visitor(user), vhost)
            async with channel:
                return await work(channel)

        before = len(self.node.peers)
        try:
            return self.api.runs(inside())
        finally:
            self.is_left_by_all_but(before)

    def is_left_by_all_but(self, count: int) -> None:
        assert len(self.node.peers) == count
        assert sum(self.node.usage.connections_of.values()) == count
        assert self.node.usage.channel_count == count  # theirs
        for vhost in self.node.vhosts.values():
            assert all(queue.unacked_count == 0 for queue in vhost.queues.values())

    def calls(self, *methods: Method, user: str = "guest") -> list[Method]:
        async def call_each(channel: DirectChannel) -> list[Method]:
            return [(await channel.call(method)).method for method in methods]

        return self.does(call_each, user=user)

    def requests(self, method: Method, *, user: str = "guest") -> Reply:
        async def ask() -> Reply:
            return await request(await self.context(user=user), method)

        return self.api.runs(ask())

    def publishes(self, *keys: str, exchange: str = "", **properties: object) -> list[bool | None]:
        async def publish_each(channel: DirectChannel) -> list[bool | None]:
            header = Properties(**properties).encode(4)
            return [await channel.publish(exchange, key, header, b"body") for key in keys]

        return self.does(publish_each)


@pytest.fixture
def inside(world: World) -> Inside:
    return Inside(world)


def refusal(does: Callable[..., object], *values: Any, **named: Any) -> tuple[int, str, object]:
    """Status, error and reason that a call is refused with."""
    with pytest.raises(Refusal) as refused:
        does(*values, **named)
    return refused.value.status, refused.value.error, refused.value.reason


# what is asked and answered


def test_methods_are_answered_as_over_the_wire(inside: Inside) -> None:
    assert inside.calls(
        QueueDeclare(queue="q", durable=True),
        QueueDeclare(queue="q", passive=True),
        QueuePurge(queue="q"),
        BasicGet(queue="q"),
        QueueDelete(queue="q"),
    ) == [
        QueueDeclareOk("q", 0, 0),
        QueueDeclareOk("q", 0, 0),
        QueuePurgeOk(0),
        BasicGetEmpty(),
        QueueDeleteOk(0),
    ]


def test_messages_come_whole_however_large_they_are(inside: Inside, peer: Peer) -> None:
    bodies = [b"", b"x", bytes(1_000_000)]
    peer.declares(1, "q")
    peer.publishes(1, "q", *bodies, content_type="text/plain")
    peer.drops()

    async def get_all(channel: DirectChannel) -> list[Reply]:
        return [await channel.call(BasicGet(queue="q", no_ack=True)) for _ in range(4)]

    found = inside.does(get_all)
    assert [reply.body for reply in found] == [*bodies, b""]
    assert [type(reply.method) for reply in found] == [BasicGetOk] * 3 + [BasicGetEmpty]
    assert Properties.decode(found[2].header).content_type == "text/plain"


def test_publishes_are_confirmed_and_say_whether_they_were_routed(inside: Inside) -> None:
    inside.calls(QueueDeclare(queue="q"))
    assert inside.publishes("q", "nowhere", "q") == [True, False, True]
    assert inside.world.queue("q").ready_count == 2
    assert inside.publishes("x", exchange="amq.topic") == [False]


def test_a_full_queue_takes_nothing(inside: Inside) -> None:
    arguments = table(x_max_length=1, x_overflow="reject-publish")
    inside.calls(QueueDeclare(queue="q", arguments=arguments))
    assert inside.publishes("q", "q", "nowhere") == [True, None, False]


def test_a_publish_waits_for_the_disk() -> None:
    log = DelayedLog()
    world = World(log=log)
    inside = Inside(world)

    async def publish(channel: DirectChannel) -> None:
        await channel.call(QueueDeclare(queue="q", durable=True))
        header = Properties(delivery_mode=2).encode(1)
        loop = asyncio.get_running_loop()
        task = loop.create_task(channel.publish("", "q", header, b"x"))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not task.done()
        log.sync()
        assert await task is True

    inside.does(publish)


def test_a_change_waits_for_the_others_to_agree() -> None:
    replicator = DelayedReplicator()
    inside = Inside(World(replicator=replicator))
    replicator.is_immediate = False

    async def declare(channel: DirectChannel) -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(channel.call(QueueDeclare(queue="q"), QueueDeclareOk))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not task.done()
        replicator.decide()
        assert (await task).method == QueueDeclareOk("q", 0, 0)

    inside.does(declare)


def test_an_alarm_does_not_stop_the_api(inside: Inside) -> None:
    inside.calls(QueueDeclare(queue="q"))
    inside.node.set_alarm("memory")
    assert inside.publishes("q", "q", "q") == [True] * 3


# what is left


def test_what_was_got_and_not_acked_goes_back(inside: Inside) -> None:
    inside.calls(QueueDeclare(queue="q"))
    inside.publishes("q", "q", "q")

    async def get_two(channel: DirectChannel) -> None:
        for _ in range(3):
            await channel.call(BasicGet(queue="q"))
        await channel.tell(BasicNack(1, requeue=False))
        await channel.tell(BasicAck(2))

    inside.does(get_two)
    queue = inside.world.queue("q")
    assert (queue.ready_count, queue.acked) == (1, 1)


def test_it_is_there_as_a_connection_while_it_is_open(inside: Inside) -> None:
    async def look(channel: DirectChannel) -> None:
        answer = await inside.api.handle(inside.api.request("GET", "/connections"))
        (shown,) = answer.json
        assert (shown["type"], shown["protocol"], shown["user"], shown["channels"]) == (
            "direct",
            "Direct 0-9-1",
            "guest",
            1,
        )

    inside.does(look)
    usage = inside.node.usage
    assert (usage.connections_opened, usage.connections_closed) == (1, 1)
    assert (usage.channels_opened, usage.channels_closed) == (1, 1)


def test_a_request_is_no_connection(inside: Inside) -> None:
    assert inside.requests(QueueDeclare(queue="q")).method == QueueDeclareOk("q", 0, 0)
    inside.is_left_by_all_but(0)
    assert inside.node.usage.connections_opened == 0


def test_leaving_by_an_exception_leaves_nothing(inside: Inside) -> None:
    inside.calls(QueueDeclare(queue="q"))
    inside.publishes("q")

    async def fails(channel: DirectChannel) -> None:
        await channel.call(BasicGet(queue="q"))
        raise ValueError("of the handler")

    with pytest.raises(ValueError, match="of the handler"):
        inside.does(fails)
    assert inside.world.queue("q").ready_count == 1


@pytest.mark.parametrize("rounds", range(6))
def test_a_request_that_is_given_up_leaves_nothing(rounds: int) -> None:
    """At whatever it waits: for the login, to be opened, for an answer, to be gone."""
    log = DelayedLog()
    inside = Inside(World(log=log))
    inside.calls(QueueDeclare(queue="q", durable=True))
    peer = inside.world.peer()
    peer.opens_channel(1)
    peer.publishes(1, "q", "body", delivery_mode=1)
    peer.drops()

    async def get_and_publish() -> None:
        async with DirectChannel(inside.node, await inside.visitor(), "/") as channel:
            await channel.call(BasicGet(queue="q"))
            header = Properties(delivery_mode=2).encode(1)
            await channel.publish("", "q", header, b"x")  # never confirmed

    async def give_up() -> None:
        task = asyncio.get_running_loop().create_task(get_and_publish())
        for _ in range(rounds):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    inside.api.runs(give_up())
    inside.is_left_by_all_but(0)
    assert inside.world.queue("q").ready_count >= 1


def test_opening_that_is_given_up_leaves_nothing(inside: Inside) -> None:
    async def give_up() -> None:
        loop = asyncio.get_running_loop()
        opening = loop.create_task(
            DirectChannel(inside.node, await inside.visitor(), "/").__aenter__()
        )
        await asyncio.sleep(0)
        assert len(inside.node.peers) == 1
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening

    asyncio.run(give_up())  # without turns: there will be no answer
    inside.is_left_by_all_but(0)


# what is refused


def test_refusals_of_requests_are_in_rabbitmqs_words(inside: Inside) -> None:
    inside.calls(QueueDeclare(queue="q", durable=True))
    inside.api.has_user("anna", "management")
    inside.node.execute(SetPermissions("anna", "/", "^$", "^$", "^$"))
    found = [
        refusal(inside.requests, method, user=user)
        for method, user in [
            (QueueDeclare(queue="q"), "guest"),
            (QueueBind(queue="nope", exchange="amq.topic"), "guest"),
            (QueueDeclare(queue="amq.mine"), "guest"),
            (ExchangeDelete(exchange="amq.topic"), "guest"),
            (QueueDelete(queue="q"), "anna"),
        ]
    ]
    text = (
        "inequivalent arg 'durable' for queue 'q' in vhost '/': "
        "received 'false' but current is 'true'"
    )
    assert found == [
        (400, "bad_request", text),
        (404, "not_found", "no queue 'nope' in vhost '/'"),
        *[(401, "not_authorised", "Access refused.")] * 3,
    ]
    inside.is_left_by_all_but(0)


def test_refusals_on_a_connection_have_their_codes(inside: Inside) -> None:
    inside.api.has_user("anna", "management")
    inside.node.execute(SetPermissions("anna", "/", "^$", "^$", "^$"))
    found = [
        refusal(inside.calls, method, user=user)
        for method, user in [
            (BasicGet(queue="nope"), "guest"),
            (BasicGet(queue="q"), "anna"),
            (BasicConsume(queue="nope"), "guest"),
            (QueueDeclare(queue="q", arguments=table(x_max_length=-1)), "guest"),
        ]
    ]
    assert found == [
        (404, "not_found", "NOT_FOUND - no queue 'nope' in vhost '/'"),
        (
            401,
            "not_authorised",
            "ACCESS_REFUSED - access to queue 'q' in vhost '/' refused for user 'anna'",
        ),
        (404, "not_found", "NOT_FOUND - no queue 'nope' in vhost '/'"),
        (
            400,
            "bad_request",
            "406 PRECONDITION_FAILED - invalid arg 'x-max-length' for queue 'q' in vhost '/': "
            "{value_negative,-1}",
        ),
    ]


def test_refusals_of_publishes_are_all_of_one_kind(inside: Inside) -> None:
    found = [
        refusal(inside.publishes, "q", exchange="nope"),
        refusal(inside.publishes, "q", user_id="bob"),
        refusal(inside.publishes, "q", expiration="soon"),
    ]
    assert found == [
        (400, "bad_request", "404 NOT_FOUND - no exchange 'nope' in vhost '/'"),
        (
            400,
            "bad_request",
            "406 PRECONDITION_FAILED - user_id property set to 'bob' "
            "but authenticated user was 'guest'",
        ),
        (400, "bad_request", "406 PRECONDITION_FAILED - invalid expiration 'soon': no_integer"),
    ]


def test_a_name_that_is_too_long_for_the_wire_is_refused(inside: Inside) -> None:
    for length, name in ((256, "x" * 256), (258, "é" * 129)):
        assert refusal(inside.requests, QueueDeclare(queue=name)) == (
            400,
            "bad_request",
            f"queue should be less than 255 bytes, actually was {length}\n",
        )
    assert inside.requests(QueueDeclare(queue="x" * 255)).method == QueueDeclareOk("x" * 255, 0, 0)


def test_no_vhost_is_entered_that_is_not_there_or_not_ones_own(inside: Inside) -> None:
    async def nothing(channel: DirectChannel) -> None:
        raise AssertionError("it was opened")

    inside.api.has_user("anna", "management", vhosts=())
    assert refusal(inside.does, nothing, user="anna") == (
        401,
        "not_authorised",
        "Access refused.",
    )
    assert refusal(inside.does, nothing, vhost="nope")[0] == 401


def test_limits_are_those_of_connections(inside: Inside) -> None:
    refused = (401, "not_authorised", "Access refused.")
    inside.node.execute(
        SetParameter("/", "vhost-limits", "limits", '{"max-connections": 0}'),
    )
    assert refusal(inside.calls, BasicGet(queue="q")) == refused
    inside.requests(QueueDeclare(queue="q"))  # is none
    inside.node.execute(
        SetParameter("/", "vhost-limits", "limits", '{"max-connections": 1}'),
    )
    inside.node.execute(SetUserLimits("guest", '{"max-connections": 0}'))
    assert refusal(inside.calls, BasicGet(queue="q")) == refused


def test_a_user_without_channels_declares_and_gets_nothing(inside: Inside) -> None:
    inside.node.execute(SetUserLimits("guest", '{"max-channels": 0}'))
    inside.requests(QueueDeclare(queue="q"))
    status, error, reason = refusal(inside.calls, BasicGet(queue="q"))
    assert (status, error) == (400, "bad_request")
    assert str(reason).startswith("530 NOT_ALLOWED - number of channels opened for user 'guest'")


def test_a_vhost_that_is_deleted_meanwhile_ends_it(inside: Inside) -> None:
    inside.api.has_vhost("v")
    inside.node.execute(SetPermissions("guest", "v", ".*", ".*", ".*"))

    async def go_on(channel: DirectChannel) -> None:
        await channel.call(QueueDeclare(queue="q"))
        inside.node.execute(DeleteVhost("v"))
        inside.world.settle()
        await channel.call(QueueDeclare(queue="q"))

    found = refusal(inside.does, go_on, vhost="v")
    assert found == (400, "bad_request", "320 CONNECTION_FORCED - vhost 'v' is deleted")


def test_a_node_that_stops_ends_it(inside: Inside) -> None:
    async def go_on(channel: DirectChannel) -> None:
        inside.node.shut_down_peers("it is late")
        with pytest.raises(Refusal, match="it is late"):
            await channel.call(QueueDeclare(queue="q"))
        await channel.call(QueueDeclare(queue="q"))  # and nothing comes after that

    assert refusal(inside.does, go_on) == (
        500,
        "internal_server_error",
        "the direct connection was closed",
    )


# what others hear of it


def test_events_tell_of_connections_and_not_of_requests() -> None:
    world = HearingWorld()
    inside = Inside(world)
    inside.requests(QueueDeclare(queue="q"))
    assert world.keys() == ["queue.created"]
    inside.calls(BasicGet(queue="q"))
    heard = world.heard()
    assert [key for key, _ in heard] == [
        "connection.created",
        "channel.created",
        "channel.closed",
        "connection.closed",
    ]
    facts = heard[0][1]
    assert (facts["type"], facts["protocol"], facts["user"]) == (
        "direct",
        "{'Direct',{0,9,1}}",
        "guest",
    )
