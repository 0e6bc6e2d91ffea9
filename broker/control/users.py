"""Users, as `leveretctl` sees and changes them."""

from __future__ import annotations

import asyncio

from broker.amqp.erlang import Atom
from broker.auth.backends import Login
from broker.auth.mechanisms import Credentials
from broker.auth.passwords import hash_password
from broker.commands import DeleteUser, PutUser
from broker.control.actions import Asked, Rows, action
from broker.control.host import refused


@action()
async def add_user(asked: Asked, name: str, password: str) -> None:
    """Raises: Failure: there is one."""
    if name in asked.node.users:
        raise refused("user_already_exists", name)
    algorithm = asked.node.config.auth.hashing_module
    await asked.execute(PutUser(name, _hashed(password, algorithm), algorithm))


@action()
async def delete_user(asked: Asked, name: str) -> None:
    """Raises: Failure."""
    asked.user(name)
    await asked.execute(DeleteUser(name))


@action()
async def change_password(asked: Asked, name: str, password: str) -> None:
    """Raises: Failure."""
    user = asked.user(name)
    algorithm = asked.node.config.auth.hashing_module
    await asked.execute(PutUser(name, _hashed(password, algorithm), algorithm, user.tags))


@action()
async def clear_password(asked: Asked, name: str) -> None:
    """Raises: Failure."""
    user = asked.user(name)
    await asked.execute(PutUser(name, b"", user.hashing_algorithm, user.tags))


@action()
async def set_user_tags(asked: Asked, name: str, tags: list[str]) -> None:
    """Raises: Failure."""
    user = asked.user(name)
    wanted = tuple(tag.strip() for tag in tags)
    await asked.execute(PutUser(name, user.password_hash, user.hashing_algorithm, wanted))


@action()
async def authenticate_user(asked: Asked, name: str, password: str) -> str | None:
    """Ask all backends, as for a connection. Returns: why not; None: they fit."""
    answered: asyncio.Future[Login] = asyncio.get_running_loop().create_future()

    def done(login: Login) -> None:
        if not answered.done():
            answered.set_result(login)

    credentials = Credentials(name, password.encode("utf-8", "surrogateescape"))
    asked.node.backends.log_in(credentials, done)
    login = await answered
    return login.reason if login.user is None else None


@action()
async def list_users(asked: Asked) -> Rows:
    for user in list(asked.node.users.values()):
        yield [("user", user.name), ("tags", [Atom(tag) for tag in user.tags])]


def _hashed(password: str, algorithm: str) -> bytes:
    return hash_password(password.encode("utf-8", "surrogateescape"), algorithm)
