from __future__ import annotations

import pytest

from broker.amqp.errors import PreconditionFailed
from broker.exchanges.exchange import Binding
from broker.exchanges.fanout import FanoutExchange
from broker.exchanges.x_local_random import LocalRandomExchange
from broker.queues.queue import Queue
from tests.support.builders import table


def test_it_picks_one_of_the_queues_bound() -> None:
    exchange = LocalRandomExchange("r", "/")
    queues = {Queue(name, "/", []) for name in "abc"}
    for queue in queues:
        binding = Binding(queue, "", {})
        exchange.validate_binding(binding)
        exchange.bind(binding)
    assert {found for _ in range(300) for found in exchange.route("any", {})} == queues
    assert not exchange.is_stable


@pytest.mark.parametrize(
    ("binding", "text"),
    [
        (Binding(Queue("q", "/", []), "k", {}), "Non empty binding 'k' key not permitted"),
        (Binding(FanoutExchange("f", "/"), "", {}), "Destination not found"),
        (
            Binding(
                Queue("q", "/", [], durable=True, arguments=table(x_queue_type="quorum")), "", {}
            ),
            "Queue type rabbit_quorum_queue not valid for this exchange type",
        ),
    ],
)
def test_bindings_it_refuses(binding: Binding, text: str) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        LocalRandomExchange("r", "/").validate_binding(binding)
    assert refused.value.text == text
