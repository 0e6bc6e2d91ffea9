"""What is remembered of a publish; what it is good for is tested with channels and scanners."""

from __future__ import annotations

from broker.exchanges.direct import DirectExchange
from broker.session.routes import Route


def test_a_new_route_knows_no_queues_yet_and_is_not_for_a_memo() -> None:
    exchange = DirectExchange("x", "/")
    route = Route(exchange, "key", mandatory=True, address=b"\x01x\x03key")
    assert route.exchange is exchange
    assert (route.routing_key, route.mandatory, route.address) == ("key", True, b"\x01x\x03key")
    assert route.envelope is None
    assert route.queues == []
    assert not route.is_memorable
    assert not route.depends_on_key_only
