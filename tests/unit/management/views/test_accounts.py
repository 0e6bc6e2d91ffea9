"""Users and permissions as they are shown. Keys are RabbitMQ 3.10.8's."""

from __future__ import annotations

from broker.auth.permissions import Permissions, TopicPermissions
from broker.auth.users import User
from broker.commands import AddVhost, SetPermissions, SetTopicPermissions
from broker.management.views import accounts
from tests.support.peer import World


def test_a_user() -> None:
    user = User("u", b"salt\xff", "rabbit_password_hashing_md5", ("a", "b"))
    user.limits = {"max-channels": 5}
    assert accounts.user(user) == {
        "name": "u",
        "password_hash": "c2FsdP8=",
        "hashing_algorithm": "rabbit_password_hashing_md5",
        "tags": ["a", "b"],
        "limits": {"max-channels": 5},
    }


def test_permissions() -> None:
    shown = {"user": "u", "vhost": "v", "configure": "a", "write": "b", "read": "c"}
    assert accounts.permissions("u", "v", Permissions("a", "b", "c")) == shown
    topic = {"user": "u", "vhost": "v", "exchange": "e", "write": "b", "read": "c"}
    assert accounts.topic_permissions("u", "v", "e", TopicPermissions("b", "c")) == topic


def test_all_of_them() -> None:
    node = World().node
    node.execute(AddVhost("v"))
    node.execute(SetPermissions("guest", "v", "", "", ""))
    node.execute(SetTopicPermissions("guest", "v", "e", "x", "y"))
    guest = node.users["guest"]
    found = list(accounts.all_permissions(node))
    assert [(one["user"], one["vhost"]) for one in found] == [("guest", "/"), ("guest", "v")]
    assert list(accounts.permissions_of(guest)) == found
    (topic,) = accounts.all_topic_permissions(node)
    assert (topic["exchange"], topic["write"]) == ("e", "x")
    assert list(accounts.topic_permissions_of(guest)) == [topic]
