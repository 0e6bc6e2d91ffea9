"""Who may ask what. The table was recorded from RabbitMQ 3.10.8: the status of each request from an
administrator, a monitor, a policymaker and a management user. They have empty permissions in the
vhost a and none in b, and there is no vhost nope. What they send is no JSON, so that nothing is
changed.
"""

from __future__ import annotations

import pytest

from broker.commands import SetPermissions
from broker.management.request import Request
from broker.management.rights import wanted_vhost
from tests.support.admin import TAGS, Admin

TABLE = """
GET    /whoami                                          200 200 200 200
GET    /cluster-name                                    200 200 200 200
PUT    /cluster-name                                    400 401 401 401
GET    /extensions                                      200 200 200 200
GET    /feature-flags                                   200 401 401 401
PUT    /feature-flags/x/enable                          400 401 401 401
GET    /definitions                                     200 401 401 401
GET    /all-configuration                               200 401 401 401
GET    /definitions/a                                   200 401 401 401
POST   /definitions                                     400 401 401 401
POST   /definitions/a                                   400 401 401 401
POST   /definitions/nope                                400 401 401 401
GET    /definitions/nope                                400 401 401 401
GET    /parameters                                      200 401 200 401
GET    /parameters/vhost-limits                         200 401 200 401
GET    /parameters/vhost-limits/a                       200 401 200 401
GET    /parameters/vhost-limits/b                       200 401 401 401
GET    /parameters/vhost-limits/nope                    404 401 404 401
GET    /parameters/x/a/n                                404 401 404 401
GET    /parameters/x/b/n                                404 401 401 401
PUT    /parameters/x/a/n                                400 401 400 401
PUT    /parameters/x/b/n                                400 401 401 401
PUT    /parameters/x/nope/n                             404 401 404 401
DELETE /parameters/x/a/n                                404 401 404 401
DELETE /parameters/x/b/n                                404 401 401 401
GET    /global-parameters                               200 401 200 401
GET    /global-parameters/x                             404 401 404 401
PUT    /global-parameters/x                             400 401 400 401
DELETE /global-parameters/x                             404 401 404 401
GET    /policies                                        200 200 200 200
GET    /policies/a                                      200 200 200 200
GET    /policies/b                                      200 401 401 401
GET    /policies/nope                                   404 404 404 404
GET    /policies/a/p                                    404 401 404 401
GET    /policies/b/p                                    404 401 401 401
PUT    /policies/a/p                                    400 401 400 401
PUT    /policies/b/p                                    400 401 401 401
PUT    /policies/nope/p                                 404 401 404 401
DELETE /policies/a/p                                    404 401 404 401
DELETE /policies/b/p                                    404 401 401 401
GET    /operator-policies                               200 200 200 200
GET    /operator-policies/a                             200 200 200 200
GET    /operator-policies/b                             200 401 401 401
GET    /operator-policies/a/p                           404 401 401 401
PUT    /operator-policies/a/p                           400 401 401 401
DELETE /operator-policies/a/p                           404 401 401 401
GET    /vhost-limits                                    200 200 200 200
GET    /vhost-limits/a                                  200 200 200 200
GET    /vhost-limits/b                                  200 200 401 401
GET    /vhost-limits/nope                               404 404 404 404
PUT    /vhost-limits/a/x                                400 401 401 401
DELETE /vhost-limits/a/x                                204 401 401 401
GET    /user-limits                                     200 200 200 200
GET    /user-limits/nobody                              200 200 200 200
GET    /user-limits/nope                                404 404 404 404
PUT    /user-limits/nobody/x                            400 401 401 401
DELETE /user-limits/nobody/x                            204 401 401 401
GET    /vhosts/a                                        200 401 401 401
GET    /vhosts/b                                        200 401 401 401
PUT    /vhosts/a                                        400 401 401 401
DELETE /vhosts/nope                                     404 401 401 401
POST   /vhosts/a/start/nope                             400 401 401 401
GET    /vhosts/a/permissions                            200 401 401 401
GET    /vhosts/a/topic-permissions                      200 401 401 401
GET    /users                                           200 401 401 401
GET    /users/nobody                                    200 401 401 401
GET    /users/without-permissions                       200 401 401 401
PUT    /users/nobody                                    400 401 401 401
DELETE /users/x                                         404 401 401 401
POST   /users/bulk-delete                               400 401 401 401
GET    /users/nobody/permissions                        200 401 401 401
GET    /users/nobody/topic-permissions                  200 401 401 401
GET    /permissions                                     200 401 401 401
GET    /permissions/a/nobody                            404 401 401 401
PUT    /permissions/a/nobody                            400 401 401 401
DELETE /permissions/a/nobody                            404 401 401 401
GET    /topic-permissions                               200 401 401 401
GET    /topic-permissions/a/nobody                      404 401 401 401
PUT    /topic-permissions/a/nobody                      400 401 401 401
DELETE /topic-permissions/a/nobody                      404 401 401 401
GET    /aliveness-test/a                                401 401 401 401
GET    /aliveness-test/b                                401 401 401 401
GET    /aliveness-test/nope                             404 404 404 404
GET    /healthchecks/node                               200 200 200 200
GET    /healthchecks/node/nope                          404 404 404 404
GET    /health/checks/alarms                            200 200 200 200
GET    /health/checks/local-alarms                      200 200 200 200
GET    /health/checks/certificate-expiration/1/days     200 200 200 200
GET    /health/checks/port-listener/1                   503 503 503 503
GET    /health/checks/protocol-listener/amqp            200 200 200 200
GET    /health/checks/virtual-hosts                     200 200 200 200
GET    /health/checks/node-is-mirror-sync-critical      200 200 200 200
GET    /health/checks/node-is-quorum-critical           200 200 200 200
DELETE /reset/nope                                      404 401 401 401
POST   /rebalance/queues                                204 401 401 401
GET    /auth                                            200 200 200 200
GET    /auth/attempts/nope                              404 404 401 401
DELETE /auth/attempts/nope                              404 404 401 401
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]
REASONS = {
    "Not administrator user",
    "Not monitor user",
    "User not authorised to access virtual host",
    "User not authorised to access object",
    "Access refused.",
}
NO_VHOST = "User not authorised to access virtual host"


@pytest.fixture(scope="module")
def api() -> Admin:
    made = Admin()
    made.adds_vhost("a", "b")
    made.adds_user("nobody")
    for tag in TAGS:
        made.adds_user(tag, tag)
        made.node.execute(SetPermissions(tag, "a", "", "", ""))
    return made


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " ".join(row[:2]))
def test_who_may_ask(api: Admin, row: list[str]) -> None:
    method, path, *statuses = row
    body = b"{" if method in ("PUT", "POST") else None
    for tag, status in zip(TAGS, statuses, strict=True):
        answer = api.asks(method, path, body, user=f"{tag}:{tag}")
        assert answer.status == int(status), (tag, answer.body)
        if answer.status == 401 and not path.startswith("/aliveness-test/a"):
            assert answer.reason in REASONS
    is_open = path == "/auth"
    for user, status in (("nobody:nobody", 401), (None, 401)):
        answer = api.asks(method, path, body, user=user)
        assert answer.status == (int(statuses[0]) if is_open else status)


@pytest.mark.parametrize(
    ("path", "tag", "reason"),
    [
        ("/users", "management", "Not administrator user"),
        ("/auth/attempts/x", "policymaker", "Not monitor user"),
        ("/policies/b", "monitoring", NO_VHOST),
        ("/vhost-limits/b", "policymaker", NO_VHOST),
        ("/parameters", "monitoring", "User not authorised to access object"),
        ("/parameters/x/b", "policymaker", "User not authorised to access object"),
        ("/global-parameters", "management", "User not authorised to access object"),
    ],
)
def test_what_is_said(api: Admin, path: str, tag: str, reason: str) -> None:
    answer = api.asks("GET", path, user=f"{tag}:{tag}")
    assert answer.json == {"error": "not_authorised", "reason": reason}


def test_the_vhost_may_be_in_a_header(api: Admin) -> None:
    """RabbitMQ's page has it there; nothing is asked of it where vhosts do not matter."""
    for vhost, status in (("a", 200), ("b", 401), ("nope", 401)):
        answer = api.asks(
            "GET", "/policies", user="management:management", headers={"x-vhost": vhost}
        )
        assert answer.status == status
        api.gets("/whoami", user="management:management", headers={"x-vhost": vhost})
    assert api.asks("GET", "/policies", headers={"x-vhost": "nope"}).status == 404
    assert api.gets("/policies", headers={"x-vhost": ""}) == []


def test_the_path_goes_before_the_header() -> None:
    request = Request("GET", "/", headers={"x-vhost": "a"}, params={"vhost": "b"})
    assert wanted_vhost(request) == "b"
