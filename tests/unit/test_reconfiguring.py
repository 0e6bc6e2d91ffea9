from __future__ import annotations

from broker.alarms import Watermarks
from broker.config import Config, override
from broker.node import Node
from broker.reconfiguring import reconfigure


def changed(config: Config, **settings: object) -> Config:
    for key, value in settings.items():
        config = override(config, key.replace("__", "."), value)
    return config


def test_what_is_live_is_taken_up_and_the_rest_waits() -> None:
    node = Node(Config())
    new = changed(Config(), heartbeat=5, loopback_users=[], default_user="x")
    found = reconfigure(node, new)
    assert [change.key for change in found.taken] == ["heartbeat", "loopback_users"]
    assert [change.key for change in found.waiting] == ["default_user"]
    assert node.config == changed(Config(), heartbeat=5, loopback_users=[])
    again = reconfigure(node, new)
    assert (again.taken, again.waiting) == ((), found.waiting)


def test_what_a_node_keeps_of_its_settings_changes_with_them() -> None:
    node = Node(Config())
    assert not node.has_ack_timeouts
    reconfigure(node, changed(Config(), consumer_timeout=1000, management__rates_mode="detailed"))
    assert node.has_ack_timeouts
    assert node.counts_pairs
    reconfigure(node, Config())
    assert not node.counts_pairs
    assert node.config.limits.consumer_timeout_ms is None


def test_alarms_are_judged_by_other_limits_at_once() -> None:
    watermarks = Watermarks(Config().alarms, used=lambda: 500, total=lambda: 10_000)
    node = Node(Config(), watermarks=watermarks)
    node.check_alarms(0)
    assert node.alarms.get("memory", set()) == set()
    reconfigure(node, changed(Config(), vm_memory_high_watermark__absolute=400))
    assert node.alarms["memory"]
    assert watermarks.snapshot().memory_limit == 400
    reconfigure(node, changed(Config(), total_memory_available_override_value=5_000))
    assert not node.alarms.get("memory")
    assert watermarks.snapshot().memory_limit == 2_000


def test_limits_that_were_set_by_hand_stay_until_the_settings_change() -> None:
    watermarks = Watermarks(Config().alarms, used=lambda: 500, total=lambda: 10_000)
    node = Node(Config(), watermarks=watermarks)
    watermarks.set_memory_limit(absolute=700)
    reconfigure(node, changed(Config(), heartbeat=5))
    assert watermarks.snapshot().memory_limit == 700
