"""Health checks, as in RabbitMQ 3.10.8; the last three as in 4."""

from __future__ import annotations

import pytest

from broker.commands import SetPermissions
from tests.support.admin import Admin

OK = {"status": "ok"}
CHECKS = "/health/checks"


@pytest.fixture
def api() -> Admin:
    return Admin()


def fails(api: Admin, path: str) -> dict[str, object]:
    answer = api.asks("GET", path)
    assert answer.status == 503
    assert answer.json["status"] == "failed"
    assert answer.headers["content-type"] == "application/json"
    found = dict(answer.json)
    del found["status"]
    return found


def test_a_vhost_is_alive(api: Admin) -> None:
    for _ in range(2):
        assert api.gets("/aliveness-test/%2F") == OK
    queue = api.node.vhosts["/"].queues["aliveness-test"]
    assert queue.ready_count == 0
    assert api.asks("GET", "/aliveness-test/nope").status == 404


def test_who_may_ask_whether_a_vhost_is_alive(api: Admin) -> None:
    api.adds_vhost("v")
    answer = api.asks("GET", "/aliveness-test/v")
    assert (answer.status, answer.reason) == (401, "Access refused.")
    api.node.execute(SetPermissions("guest", "v", "^$", ".*", ".*"))
    answer = api.asks("GET", "/aliveness-test/v")
    assert answer.status == 401
    assert answer.reason == (
        "ACCESS_REFUSED - access to queue 'aliveness-test' in vhost 'v' refused for user 'guest'"
    )


def test_a_message_that_does_not_come_back(api: Admin) -> None:
    api.puts("/queues/%2F/aliveness-test", {"durable": False})
    policy = {"pattern": "aliveness", "definition": {"max-length": 0}}
    api.puts("/policies/%2F/p", policy)
    assert fails(api, "/aliveness-test/%2F") == {"reason": "aliveness-test queue is empty"}


def test_alarms(api: Admin) -> None:
    for path in ("alarms", "local-alarms"):
        assert api.gets(f"{CHECKS}/{path}") == OK
    assert api.gets("/healthchecks/node") == OK
    node = api.node
    node.set_alarm("memory")
    node.set_alarm("disk")
    alarms = [{"resource": name, "node": node.name} for name in ("memory", "disk space")]
    reason = "There are alarms in effect in the cluster"
    assert fails(api, f"{CHECKS}/alarms") == {"reason": reason, "alarms": alarms}
    reason = "There are alarms in effect on the node"
    assert fails(api, f"{CHECKS}/local-alarms") == {"reason": reason, "alarms": alarms}
    shown = str(fails(api, f"/healthchecks/node/{node.name}")["reason"])
    assert shown.startswith("resource alarm(s) in effect:[{resource_limit,memory,")
    assert api.asks("GET", "/healthchecks/node/nope").status == 404


def test_listeners(api: Admin) -> None:
    assert api.gets(f"{CHECKS}/port-listener/5672") == {**OK, "port": 5672}
    assert fails(api, f"{CHECKS}/port-listener/1") == {
        "reason": "No active listener",
        "missing": 1,
        "ports": [5672, 15672, 15692],
    }
    assert api.is_refused("GET", f"{CHECKS}/port-listener/x") == "Invalid port"
    assert api.asks("GET", f"{CHECKS}/port-listener/").status == 404
    for name, protocol in (("amqp", "amqp"), ("AMQP0-9-1", "amqp"), ("ui", "http")):
        found = api.gets(f"{CHECKS}/protocol-listener/{name}")
        assert found == {**OK, "protocol": protocol}
    assert fails(api, f"{CHECKS}/protocol-listener/amqps") == {
        "reason": "No active listener",
        "missing": "amqp/ssl",
        "protocols": ["amqp", "http", "http/prometheus"],
    }


def test_certificates(api: Admin) -> None:
    assert api.gets(f"{CHECKS}/certificate-expiration/1/weeks") == OK
    assert api.gets(f"{CHECKS}/certificate-expiration/-1/DAYS") == OK
    path = f"{CHECKS}/certificate-expiration"
    assert api.is_refused("GET", f"{path}/x/weeks") == "Invalid expiration value."
    reason = api.is_refused("GET", f"{path}/1/hours")
    assert reason == "Time unit not recognised. Supported units: days, weeks, months, years."


def test_what_a_single_node_cannot_fail(api: Admin) -> None:
    assert api.gets(f"{CHECKS}/virtual-hosts") == OK
    for name in ("mirror-sync", "quorum"):
        found = api.gets(f"{CHECKS}/node-is-{name}-critical")
        assert found == {**OK, "reason": "single node cluster"}


LATER = ("is-in-service", "below-node-connection-limit", "ready-to-serve-clients")


@pytest.mark.parametrize("name", LATER)
def test_those_that_need_no_login(api: Admin, name: str) -> None:
    assert api.gets(f"{CHECKS}/{name}", user=None) == OK


def test_a_node_that_stops(api: Admin) -> None:
    api.node.is_stopping = True
    reason = "node is not currently available to serve"
    assert fails(api, f"{CHECKS}/is-in-service") == {"reason": f"this rabbit {reason}"}
    assert fails(api, f"{CHECKS}/ready-to-serve-clients") == {"reason": f"the rabbit {reason}"}


def test_a_node_that_is_full() -> None:
    api = Admin({"connection_max": 1})
    assert api.gets(f"{CHECKS}/ready-to-serve-clients") == OK
    api.world.peer()
    reason = "node connection limit is reached"
    assert fails(api, f"{CHECKS}/below-node-connection-limit") == {"reason": reason}
    found = fails(api, f"{CHECKS}/ready-to-serve-clients")
    assert found == {"reason": reason, "connections": 1}


def test_a_node_without_amqp() -> None:
    api = Admin(listening=[("http", "::", 15672)])
    found = fails(api, f"{CHECKS}/ready-to-serve-clients")
    assert found == {"reason": "no active listeners for AMQP/AMQPS"}
