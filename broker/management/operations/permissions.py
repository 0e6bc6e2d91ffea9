"""What users may do in a vhost: what is asked for becomes commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from broker.commands import SetPermissions, SetTopicPermissions
from broker.management.operations.refused import (
    no_such_user,
    no_such_vhost,
    pattern_of,
    text_of,
)
from broker.node import Node


def set_permissions(
    node: Node,
    username: str,
    vhost: str,
    fields: Mapping[str, Any],
    *,
    is_new_user: bool = False,
    is_new_vhost: bool = False,
) -> SetPermissions:
    """fields: configure, write, read. is_new_user, is_new_vhost: it will be there by then.

    Raises: Refused.
    """
    what = f"permissions of user '{username}' in virtual host '{vhost}'"
    patterns = [pattern_of(what, kind, fields.get(kind)) for kind in ("configure", "write", "read")]
    _check_there(node, username, vhost, is_new_user, is_new_vhost)
    return SetPermissions(username, vhost, *patterns)


def set_topic_permissions(
    node: Node,
    username: str,
    vhost: str,
    fields: Mapping[str, Any],
    *,
    is_new_user: bool = False,
    is_new_vhost: bool = False,
) -> SetTopicPermissions:
    """fields: exchange, write, read. Raises: Refused."""
    what = f"topic permissions of user '{username}' in virtual host '{vhost}'"
    patterns = [pattern_of(what, kind, fields.get(kind)) for kind in ("write", "read")]
    exchange = text_of(what, "exchange", fields.get("exchange"))
    _check_there(node, username, vhost, is_new_user, is_new_vhost)
    return SetTopicPermissions(username, vhost, exchange, *patterns)


def _check_there(
    node: Node, username: str, vhost: str, is_new_user: bool, is_new_vhost: bool
) -> None:
    """Raises: Refused."""
    if not is_new_user and username not in node.users:
        raise no_such_user(username)
    if not is_new_vhost and vhost not in node.vhosts:
        raise no_such_vhost(vhost)
