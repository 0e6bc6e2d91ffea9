"""What concerns the whole cluster, as in RabbitMQ 3.10.8."""

from __future__ import annotations

from typing import Any

import pytest

from broker.commands import DeclareQueue
from broker.management.statistics.counted import QUEUE
from broker.management.statistics.samples import Samples
from tests.support.admin import Admin


@pytest.fixture
def api() -> Admin:
    return Admin()


def test_the_name_of_the_cluster(api: Admin) -> None:
    own = api.node.cluster_name
    assert api.gets("/cluster-name") == {"name": own}
    assert api.puts("/cluster-name", {"name": "other"}) == 204
    assert api.gets("/cluster-name") == {"name": "other"}
    assert api.gets("/global-parameters/cluster_name")["value"] == "other"
    api.deletes("/global-parameters/cluster_name")
    assert api.gets("/cluster-name") == {"name": own}
    assert api.is_refused("PUT", "/cluster-name", {}) == "[{key_missing,name}]"
    assert api.is_refused("PUT", "/cluster-name", {"name": 5}) == "cluster: name should be a string"


def test_feature_flags(api: Admin) -> None:
    states = {flag["name"]: flag["state"] for flag in api.gets("/feature-flags")}
    assert states.pop("stream_queue") == "unavailable"
    assert set(states.values()) == {"enabled"}
    assert api.puts("/feature-flags/quorum_queue/enable") == 204
    for name in ("stream_queue", "nope"):
        assert api.is_refused("PUT", f"/feature-flags/{name}/enable", {}) == "unsupported"


def test_extensions(api: Admin) -> None:
    assert api.gets("/extensions") == [{"javascript": "dispatcher.js"}]


def test_rebalancing(api: Admin) -> None:
    assert api.asks("POST", "/rebalance/queues", {}).status == 204
    assert api.asks("POST", "/rebalance/queues", {}, headers={"accept": "text/html"}).status == 406


def test_forgetting_statistics(api: Admin) -> None:
    api.node.execute(DeclareQueue("/", "q"))
    queue: Any = api.node.vhosts["/"].queues["q"]
    for path in ("/reset", f"/reset/{api.node.name}"):
        queue.samples = Samples(QUEUE, 1)
        queue.samples.note(2, (5, *QUEUE.nothing[1:]))
        assert queue.samples.history("publish", [2]) == [5]
        assert api.deletes(path) == 204
        assert queue.samples.history("publish", [2]) == [0]
    assert api.deletes("/reset/nope") == 404
