"""The shared secret: who knows a node's cookie may steer it, and join its cluster.

As with Erlang it is one line of at most 255 characters in `.erlang.cookie` in the home directory,
made at the first start, and nobody but its owner may read it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import string
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

NAME = ".erlang.cookie"
LENGTH_MAX = 255
LENGTH_MADE = 20
VARIABLE = "RABBITMQ_ERLANG_COOKIE"


class CookieError(Exception):
    """The text is one line, for whoever starts a node or calls a tool."""


class Cookie(NamedTuple):
    """path: where it is kept; None: it was given."""

    secret: str
    path: Path | None

    @property
    def hash(self) -> str:
        """As RabbitMQ shows it: base64 of an MD5, which tells two cookies apart and no more."""
        import base64  # late, both: tools do not show it
        import hashlib

        digest = hashlib.md5(self.secret.encode(), usedforsecurity=False).digest()
        return base64.b64encode(digest).decode("ascii")


def check(secret: str, origin: str) -> str:
    """What may be a cookie. Raises: CookieError."""
    if not secret:
        raise CookieError(f"the cookie in {origin} is empty")
    if len(secret) > LENGTH_MAX:
        raise CookieError(f"the cookie in {origin} is longer than {LENGTH_MAX} characters")
    if not secret.isprintable():
        raise CookieError(f"the cookie in {origin} has characters that cannot be printed")
    return secret


def read(path: Path) -> Cookie:
    """Raises: CookieError; FileNotFoundError or NotADirectoryError when there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise CookieError(f"cannot read cookie file {path}: {error.strerror}") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise CookieError(f"cookie file {path} is not a file")
        if status.st_mode & 0o077:
            raise CookieError(f"Cookie file {path} must be accessible by owner only")
        octets = os.read(descriptor, 4 * LENGTH_MAX + 2)
    finally:
        os.close(descriptor)
    lines = octets.splitlines() or [b""]
    try:
        secret = lines[0].decode().rstrip(" ")
    except UnicodeDecodeError:
        raise CookieError(f"the cookie in {path} is not text") from None
    return Cookie(check(secret, str(path)), path)


def make(path: Path) -> Cookie:
    """A new one, unless somebody else is quicker. Raises: CookieError, OSError."""
    secret = "".join(secrets.choice(string.ascii_uppercase) for _ in range(LENGTH_MADE))
    temporary = path.with_name(f"{NAME}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
    try:
        with open(descriptor, "w") as file:
            file.write(secret)
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)  # whole, or not at all
    finally:
        temporary.unlink(missing_ok=True)
    return read(path)


def of_node(given: str, directories: list[Path]) -> Cookie:
    """That of a node which starts: given, found in a directory, or made in the first that can hold
    it. Raises: CookieError."""
    if given:
        return Cookie(check(given, "the settings"), None)
    for directory in directories:
        if os.access(directory, os.X_OK):  # one may be told of somebody else's home
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                return read(directory / NAME)
    problem = "there is no home directory"
    for directory in directories:
        try:
            return make(directory / NAME)
        except OSError as error:
            problem = (
                problem
                if " file " in problem
                else (f"cannot make cookie file {directory / NAME}: {error.strerror}")
            )
    raise CookieError(problem)


def of_tool(given: str | None, home: Path | None, node: Path | None) -> Cookie | None:
    """That of a tool: given, else the user's, else the one that the node says it uses.

    None: there is none. Raises: CookieError.
    """
    if given is not None:
        return Cookie(check(given, "the options"), None)
    for path in (home / NAME if home is not None else None, node):
        if path is not None:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                return read(path)
    return None


def home_directory(environment: Mapping[str, str]) -> Path | None:
    """The user's, as HOME says."""
    home = environment.get("HOME", "")
    return Path(home) if home else None
