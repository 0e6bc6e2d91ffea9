"""What the API shows of the node itself, and the clock of its statistics."""

from __future__ import annotations

import pytest

from broker.management.request import Refusal, Request
from broker.management.routes import ROUTES
from broker.management.statistics.samples import SLOT_MS
from tests.support.api import Api
from tests.support.peer import World

LISTENING = [
    ("amqp", "127.0.0.1", 5672),
    ("http", "0.0.0.0", 15672),
    ("https", "::", 15671),
    ("http/prometheus", "::", 15692),
]


@pytest.fixture
def api() -> Api:
    return Api(World(), lambda: LISTENING)


def test_making_it_enters_the_routes(api: Api) -> None:
    paths = {route.path for route in ROUTES.all()}
    assert paths >= {"/overview", "/queues/:vhost/:queue", "/connections", "/bindings"}


def test_a_page_that_is_not_there(api: Api) -> None:
    with pytest.raises(Refusal) as refused:
        api.runs(api.management.page(Request("GET", "/nope.html")))
    assert refused.value.status == 404


def test_listeners_and_contexts(api: Api) -> None:
    shown = api.management.listeners()
    assert [(one["protocol"], one["ip_address"], one["port"]) for one in shown] == LISTENING
    contexts = api.management.contexts()
    assert [(one["description"], one["port"]) for one in contexts] == [
        ("RabbitMQ Management", "15672"),
        ("RabbitMQ Management", "15671"),
        ("RabbitMQ Prometheus", "15692"),
    ]
    assert [one.get("ssl") for one in contexts] == [None, "true", None]
    assert contexts[2]["protocol"] == "'http/prometheus'"


def test_plugins_are_those_of_the_node(api: Api) -> None:
    api.node.plugins = frozenset({"rabbitmq_prometheus", "rabbitmq_management"})
    assert api.management.plugins() == ["rabbitmq_management", "rabbitmq_prometheus"]


def test_uptime(api: Api) -> None:
    assert api.management.uptime_ms() == 0
    api.world.passes(1500)
    assert api.management.uptime_ms() == 1500


def test_the_nodes_own_numbers_are_noted_with_every_look(api: Api) -> None:
    assert api.management.node_samples is None
    api.passes_slots(2)
    samples = api.management.node_samples
    assert samples is not None
    slot = api.world.clock.epoch_ms() // SLOT_MS
    now = api.management.node_numbers()["proc_used"]
    assert samples.history("proc_used", [slot]) == [now]


def test_statistics_can_be_switched_off() -> None:
    api = Api(World({"management.disable_stats": True}))
    assert not api.management.collector.is_on
    assert "message_stats" not in api.gets("/overview")
    assert api.gets("/nodes") == [{"name": api.node.name, "type": "disc", "running": True}]
