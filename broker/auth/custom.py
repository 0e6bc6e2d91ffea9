"""Backends that others write: the class they fill in.

    class Backend(AuthBackend):
        async def login(self, username, password):
            return ["management"] if await directory.knows(username, password) else None

        def resource(self, username, tags, vhost, kind, name, permission):
            return name.startswith(username)

An installed package names it by an entry point in the group `leveret.auth_backends`; the setting
`auth_backends.1 = <name of the entry point>` puts it into the chain. Each method may be a plain
function, which must not take long, or a coroutine, which may take `auth_plugins.timeout`. Whatever
it raises is logged, counted, and taken for a no.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

Tags = Sequence[str]
MaybeTags = Tags | None | Awaitable[Tags | None]
MaybeYes = bool | Awaitable[bool]


class AuthBackend:
    """What is not overridden says no, but for `vhost` and `topic`, which say yes."""

    def login(self, username: str, password: str | None) -> MaybeTags:
        """Returns: the user's tags, perhaps an empty list, or None: not let in. password: None: who
        this is has been shown otherwise; may the user come in?"""
        return None

    def vhost(self, username: str, tags: Tags, vhost: str, address: str) -> MaybeYes:
        """May the user enter the vhost, from this IP address?"""
        return True

    def resource(
        self, username: str, tags: Tags, vhost: str, kind: str, name: str, permission: str
    ) -> MaybeYes:
        """kind: "queue" or "exchange" (the default exchange is "amq.default"). permission:
        "configure", "write" or "read"."""
        return False

    def topic(
        self,
        username: str,
        tags: Tags,
        vhost: str,
        name: str,
        permission: str,
        routing_key: str,
    ) -> MaybeYes:
        """On a topic exchange: may the user publish ("write") or bind ("read") with the key?"""
        return True

    def new_secret(self, username: str, tags: Tags, secret: str) -> MaybeYes:
        """connection.update-secret: is the new token good? Not overridden: all are, unseen."""
        return True
