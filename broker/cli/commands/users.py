"""Users, their passwords and tags."""

from __future__ import annotations

from typing import Any

from broker.cli.command import (
    CTL,
    DIAGNOSTICS,
    DONE,
    USERS,
    Call,
    Output,
    command,
    listed,
)
from broker.cli.errors import (
    EX_DATA,
    EX_NOUSER,
    EX_SOFTWARE,
    FailedError,
    ReasonError,
    bad_argument,
)
from broker.cli.passwords import password_of

ADDED = (
    "Done. Don't forget to grant the user permissions to some virtual hosts! See 'rabbitmqctl help"
    " set_permissions' to learn more."
)
PASSWORD = ("<password>", "The password; without it a line of stdin is. Empty: no login by one")


def _error(call: Call, message: str) -> dict[str, Any]:
    return {"result": "error", "node": call.node, "message": message}


def _ask(call: Call, what: str, **given: Any) -> Any:
    """An unknown user is RabbitMQ's sentence. Raises: ToolError."""
    try:
        return call.ask(what, **given)
    except ReasonError as error:
        if error.word != "no_such_user":
            raise
        raise FailedError(
            f'User "{error.about}" does not exist',
            EX_NOUSER,
            _error(call, f"User {error.about} does not exists"),
        ) from None


def _check_name(call: Call) -> None:
    if len(call.arguments) > 1 and not call.arguments[0]:
        raise bad_argument("user cannot be an empty string")


@command(
    "add_user",
    usage="add_user <username> <password>",
    description="Adds a user, who may use no virtual host yet",
    section=USERS,
    topics=[("<username>", "The name"), PASSWORD],
    arity=(1, 2),
    validate=_check_name,
    banner='Adding user "{0}" ...',
)
def add_user(call: Call) -> Output:
    name = call.arguments[0]
    password = password_of(call, EX_DATA)
    try:
        call.ask("users.add_user", name=name, password=password)
    except ReasonError as error:
        if error.word != "user_already_exists":
            raise
        text, document = f'User "{name}" already exists', f"User {name} already exists"
        raise FailedError(text, EX_SOFTWARE, _error(call, document)) from None
    if call.options.get("formatter") == "json":
        return {"status": "ok", "node": call.node, "message": ADDED}
    return None if call.is_quiet else ADDED


@command(
    "delete_user",
    usage="delete_user <username>",
    description="Deletes a user of the node; those of other backends stay as they are",
    section=USERS,
    topics=[("<username>", "The name")],
    arity=(1, 1),
    banner='Deleting user "{0}" ...',
)
def delete_user(call: Call) -> Output:
    _ask(call, "users.delete_user", name=call.arguments[0])
    return DONE


@command(
    "change_password",
    usage="change_password <username> <password>",
    description="Gives a user another password",
    section=USERS,
    topics=[("<username>", "The name"), PASSWORD],
    arity=(1, 2),
    banner='Changing password for user "{0}" ...',
)
def change_password(call: Call) -> Output:
    _ask(call, "users.change_password", name=call.arguments[0], password=password_of(call))
    return DONE


@command(
    "clear_password",
    usage="clear_password <username>",
    description="Takes a user's password away: no login by one any more",
    section=USERS,
    topics=[("<username>", "The name")],
    arity=(1, 1),
    banner='Clearing password for user "{0}" ...',
)
def clear_password(call: Call) -> Output:
    call.ask("users.clear_password", name=call.arguments[0])
    return DONE


@command(
    "authenticate_user",
    usage="authenticate_user <username> <password>",
    description="Tries a name and a password; the exit code says whether they fit",
    section=USERS,
    topics=[("<username>", "The name"), PASSWORD],
    arity=(1, 2),
    banner='Authenticating user "{0}" ...',
)
def authenticate_user(call: Call) -> Output:
    name = call.arguments[0]
    refusal = call.ask("users.authenticate_user", name=name, password=password_of(call))
    if refusal is not None:
        raise FailedError(f'Error: failed to authenticate user "{name}"\n{refusal}', EX_DATA)
    return "Success"


def _tags_banner(call: Call) -> str:
    name, *tags = call.arguments
    return f'Setting tags for user "{name}" to [{", ".join(tags)}] ...'


@command(
    "set_user_tags",
    usage="set_user_tags <username> <tag> [...]",
    description="Gives a user tags in place of those that he has",
    section=USERS,
    topics=[
        ("<username>", "The name"),
        ("<tag>", "management, policymaker, monitoring, administrator, or any other; none: no tag"),
    ],
    arity=(1, None),
    banner=_tags_banner,
)
def set_user_tags(call: Call) -> Output:
    _ask(call, "users.set_user_tags", name=call.arguments[0], tags=call.arguments[1:])
    return DONE


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
    return listed(call.rows("users.list_users"))
