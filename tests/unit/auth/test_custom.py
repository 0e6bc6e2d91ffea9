from __future__ import annotations

from broker.auth.custom import AuthBackend


def test_what_is_not_filled_in_lets_nobody_in_and_gives_nothing_away() -> None:
    backend = AuthBackend()
    assert backend.login("anna", "pw") is None
    assert backend.resource("anna", (), "/", "queue", "q", "read") is False
    assert backend.vhost("anna", (), "/", "127.0.0.1") is True
    assert backend.topic("anna", (), "/", "amq.topic", "read", "k") is True
    assert backend.new_secret("anna", (), "token") is True
