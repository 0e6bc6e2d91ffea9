"""`x-local-random`: to one of the queues of this node that are bound, picked at random.

For requests that any of many consumers may answer: with a queue of its own on the node it is
connected to, none of them costs a hop. Bindings have the empty key and lead to classic queues. A
node that is alone has all of its queues.
"""

from __future__ import annotations

from broker.amqp.errors import PreconditionFailed
from broker.exchanges.exchange import Binding
from broker.exchanges.registry import exchange_type
from broker.exchanges.x_random import RandomExchange


@exchange_type
class LocalRandomExchange(RandomExchange):
    __slots__ = ()
    type_name = "x-local-random"
    description = "Picks one random local binding (queue) to route via (to)."

    def validate_binding(self, binding: Binding) -> None:
        if binding.routing_key:
            raise PreconditionFailed(f"Non empty binding '{binding.routing_key}' key not permitted")
        if binding.destination.kind != "queue":
            raise PreconditionFailed("Destination not found")
        queue_type = binding.destination.type_name
        if queue_type != "classic":
            raise PreconditionFailed(
                f"Queue type rabbit_{queue_type}_queue not valid for this exchange type"
            )
