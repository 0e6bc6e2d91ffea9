from __future__ import annotations

from collections.abc import Callable

from broker.auth.passwords import verify_password
from broker.commands import AddVhost, DeleteVhost, PutUser
from broker.config import Config, override
from broker.node import Node
from broker.vhost_defaults import VhostDefaults


def started(**settings: str) -> tuple[Node, Callable[[], None]]:
    """A node, and what runs that was put off until between two turns."""
    config = Config()
    for key, value in settings.items():
        config = override(config, f"default_users.{key.replace('__', '.')}", value)
    node = Node(config)
    node.execute(AddVhost("old"))
    later: list[Callable[[], None]] = []
    VhostDefaults(node, later.append)

    def run() -> None:
        while later:
            later.pop(0)()

    return node, run


def permissions(node: Node, user: str) -> dict[str, object]:
    found = node.users.get(user)
    return dict(found.permissions) if found is not None else {}


def test_every_new_virtual_host_has_its_users() -> None:
    node, run = started(
        alice__password="geheim", alice__tags="monitoring, x", alice__write="^a", bob__read="^b"
    )
    node.execute(AddVhost("new"))
    assert "alice" not in node.users  # a change is not made from within another
    run()
    alice, bob = node.users["alice"], node.users["bob"]
    assert verify_password(b"geheim", alice.password_hash, alice.hashing_algorithm)
    assert alice.tags == ("monitoring", "x")
    assert list(permissions(node, "alice")) == list(permissions(node, "bob")) == ["new"]
    assert bob.password_hash == b""


def test_who_is_there_keeps_his_password() -> None:
    node, run = started(bob__read=".*")
    node.execute(PutUser("bob", b"hash", "rabbit_password_hashing_sha256", ("a",)))
    node.execute(AddVhost("new"))
    run()
    assert (node.users["bob"].password_hash, node.users["bob"].tags) == (b"hash", ("a",))
    assert list(permissions(node, "bob")) == ["new"]


def test_virtual_hosts_have_to_fit() -> None:
    node, run = started(alice__vhost_pattern="^prod-", bob__vhost_pattern="x$")
    for name in ("prod-1", "test-x", "old"):
        node.execute(AddVhost(name, "another description"))
    run()
    assert list(permissions(node, "alice")) == ["prod-1"]
    assert list(permissions(node, "bob")) == ["test-x"]


def test_one_that_is_gone_by_then_or_comes_again() -> None:
    node, run = started(alice__password="x")
    node.execute(AddVhost("new"))
    node.execute(DeleteVhost("new"))
    run()
    assert "alice" not in node.users
    node.execute(AddVhost("new"))
    run()
    assert list(permissions(node, "alice")) == ["new"]
