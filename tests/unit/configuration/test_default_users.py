from __future__ import annotations

import pytest

from broker.config import ConfigError
from broker.configuration.default_users import DefaultUser, default_users


def test_who_is_for_which_virtual_host() -> None:
    (user,) = default_users((("a.vhost_pattern", "^x"), ("a.tags", "b, c")))
    assert user.tags == ("b", "c")
    assert user.is_for("xy")
    assert not user.is_for("yx")


def test_names_may_have_dots() -> None:
    (user,) = default_users((("a.b.password", "x"), ("a.b.tags", "")))
    assert user == DefaultUser("a.b", "x")


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("password", "x", "unknown setting 'default_users.password'"),
        ("a.pasword", "x", "unknown setting 'default_users.a.pasword'"),
        ("a.read", "(", r"'default_users.a.read' must be a regular expression, not '\('"),
    ],
)
def test_what_cannot_be(name: str, value: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        default_users(((name, value),))
