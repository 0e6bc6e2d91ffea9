from __future__ import annotations

from broker.auth.passwords import DEFAULT_ALGORITHM, hash_password
from broker.auth.users import User


def test_a_user_has_a_password_and_no_permissions_yet() -> None:
    user = User("alice", hash_password(b"secret"), DEFAULT_ALGORITHM, ("management",))
    assert user.has_password(b"secret")
    assert not user.has_password(b"guess")
    assert user.tags == ("management",)
    assert user.permissions == {}


def test_a_user_without_a_password_cannot_log_in_with_one() -> None:
    assert not User("alice", b"", DEFAULT_ALGORITHM).has_password(b"")
