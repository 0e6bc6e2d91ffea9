"""Users, their passwords and tags."""

from __future__ import annotations

from broker.cli.command import (
    CTL,
    DIAGNOSTICS,
    USERS,
    Call,
    Output,
    Rows,
    command,
)


@command(
    "list_users",
    usage="list_users [--no-table-headers]",
    description="Lists users and their tags",
    section=USERS,
    tools=(CTL, DIAGNOSTICS),
    has_timeout=True,
    defaults={"table_headers": True},
    banner="Listing users ...",
    formatter="table",
)
def list_users(call: Call) -> Output:
    return Rows(call.rows("users.list_users"))
