from __future__ import annotations

from broker.config import Config, override, settings
from broker.configuration.differences import differences, taken_over, with_live
from broker.sections import MASK


def test_what_is_taken_up_and_what_waits() -> None:
    old = Config()
    new = override(override(old, "heartbeat", 5), "listeners.tcp.1", "1")
    new = override(override(new, "default_pass", "secret"), "loopback_users", ())
    found = differences(old, new)
    assert [str(change) for change in found.live] == [
        "heartbeat: 60 -> 5",
        "loopback_users: [guest] -> []",
    ]
    assert [str(change) for change in found.needs_restart] == [
        "default_pass: ******** -> ********",
        "listeners.tcp: [5672] -> [1: 1]",
    ]
    taken = with_live(old, new)
    assert taken == taken_over(old, new, ["heartbeat", "loopback_users"])
    assert differences(taken, new) == ((), found.needs_restart)


def test_nothing_is_different_of_itself() -> None:
    assert differences(Config(), Config()) == ((), ())
    assert with_live(Config(), Config()) == Config()


def test_some_settings_are_live() -> None:
    live = {key for key, _, entry in settings() if entry.live}
    assert {"heartbeat", "vm_memory_high_watermark.relative", "loopback_users"} <= live
    assert not live & {"listeners.tcp", "data_dir", "store.sync", "node_name"}


def test_passwords_of_uris_are_not_shown() -> None:
    new = override(Config(), "auth_http.user_path", "http://me:hush@host/user")
    (change,) = (*differences(Config(), new).live, *differences(Config(), new).needs_restart)
    assert change.now == f"http://me:{MASK}@host/user"
