"""Users and a vhost for the scenarios with `needs={"users"}`, made through the management API."""

from __future__ import annotations

import contextlib
import urllib.error
from collections.abc import Iterator

from tests.conformance.wire_client import Target

PASSWORD = "secret"
VHOST = "conformance"
# name: (configure, write, read) in vhost "/"; None: no permissions there at all.
USERS: dict[str, tuple[str, str, str] | None] = {
    "conf-nothing": ("^$", "^$", "^$"),
    "conf-reader": ("^$", "^$", ".*"),
    "conf-writer": ("^$", ".*", "^$"),
    "conf-configurer": (".*", "^$", "^$"),
    "conf-outsider": None,
    "conf-topic": (".*", ".*", ".*"),
    "conf-impersonator": (".*", ".*", ".*"),
    "conf-no-configure": ("^$", ".*", ".*"),
    "conf-no-write": (".*", "^$", ".*"),
    "conf-no-read": (".*", ".*", "^$"),
    "conf-everything": (".*", ".*", ".*"),
}
# One user per combination of the three permissions.
COMBINATIONS = (
    *("conf-nothing", "conf-reader", "conf-writer", "conf-configurer"),
    *("conf-no-configure", "conf-no-write", "conf-no-read", "conf-everything"),
)
TOPIC_EXCHANGE = "amq.topic"  # conf-topic may write ^w\. and read ^r\. on it


@contextlib.contextmanager
def users(target: Target) -> Iterator[bool]:
    """Create, yield whether that worked, remove. Without an api_port: nothing happens."""
    if target.api_port is None and target.commands is None:
        yield False
        return
    target.api("PUT", f"vhosts/{VHOST}", {})
    for name, permissions in USERS.items():
        tags = "impersonator" if name == "conf-impersonator" else ""
        target.api("PUT", f"users/{name}", {"password": PASSWORD, "tags": tags})
        if permissions is not None:
            configure, write, read = permissions
            target.api(
                "PUT",
                f"permissions/%2F/{name}",
                {"configure": configure, "write": write, "read": read},
            )
    target.api(
        "PUT",
        "topic-permissions/%2F/conf-topic",
        {"exchange": TOPIC_EXCHANGE, "write": r"^w\.", "read": r"^r\."},
    )
    try:
        yield True
    finally:
        for path in (f"vhosts/{VHOST}", *(f"users/{name}" for name in USERS)):
            with contextlib.suppress(urllib.error.URLError):
                target.api("DELETE", path)
