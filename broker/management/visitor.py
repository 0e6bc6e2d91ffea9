"""Who asks: a user who logged in, what his tags let him see, and how often a login may fail."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING

from broker.amqp.errors import AMQPException
from broker.auth.backends import Login
from broker.auth.mechanisms import Credentials
from broker.auth.users import User
from broker.management.request import VARY_EARLY, Refusal, Request, malformed, not_authorised
from broker.session.access import Access, AskedAccess, Suspended

if TYPE_CHECKING:
    from broker.node import Node

log = logging.getLogger("broker.management")

PROTOCOL = "http"  # where logins are counted
REALM = 'Basic realm="RabbitMQ Management"'
TAGS = frozenset({"administrator", "monitoring", "policymaker", "management"})
FAILURES_S = 60.0  # in which so many logins may fail
USERS = 10  # times as many of all users from one address
ADDRESSES_MAX = 10_000  # that are remembered
NAME_MAX = 255  # letters of a name that are


class Visitor:
    """A user who logged in. access: what he may do, asked as for a connection of his."""

    __slots__ = ("_access", "_node", "address", "login", "tags", "user")

    def __init__(self, node: Node, login: Login, address: str):
        assert login.user is not None
        self._node = node
        self.login = login
        self.user: User = login.user
        self.tags = frozenset(self.user.tags)
        self.address = address
        self._access: Access | None = None

    @property
    def name(self) -> str:
        return self.user.name

    @property
    def is_admin(self) -> bool:
        return "administrator" in self.tags

    @property
    def is_monitor(self) -> bool:
        return self.is_admin or "monitoring" in self.tags

    @property
    def is_policymaker(self) -> bool:
        return self.is_admin or "policymaker" in self.tags

    def new_access(self) -> Access:
        """For one vhost: `enter` it. Waiting for answers is the caller's matter."""
        if self.login.backend is None:
            return Access(self._node, self.user)
        return AskedAccess(self._node, self.user, self.login.backend, self.address)

    async def may_enter(self, vhost: str) -> bool:
        """Whether he may use a vhost."""
        if self.login.backend is None:
            return vhost in self.user.permissions
        if self._access is None:
            self._access = self.new_access()
        while True:
            try:
                self._access.enter(vhost)
            except Suspended as suspended:
                answered = asyncio.Event()
                suspended.pending.waiting.append(answered.set)
                await answered.wait()
            except AMQPException:
                return False
            else:
                return True

    async def vhosts(self) -> list[str]:
        """The names of those of which he sees what is in them: an administrator of all."""
        names = list(self._node.vhosts)
        return names if self.is_admin else [name for name in names if await self.may_enter(name)]

    async def visible_vhosts(self) -> list[str]:
        """Of those of which he sees that they are there: who monitors all of them."""
        return list(self._node.vhosts) if self.is_monitor else await self.vhosts()


class Attempts:
    """Logins that failed, by address and name, so that guessing takes long. most: of one user from
    one address; None: any.

    RabbitMQ has no such limit. A right password does not help who has used up his attempts; others
    from the same address go on until many of them fail.
    """

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._failures: OrderedDict[tuple[str, str | None], tuple[float, int]] = OrderedDict()

    @staticmethod
    def _keys(address: str, name: str) -> tuple[tuple[str, str], tuple[str, None]]:
        return (address, name[:NAME_MAX]), (address, None)

    def check(self, address: str, name: str, now_s: float) -> None:
        """Raises: Refusal (429)."""
        if self._most is None:
            return
        one, all_users = self._keys(address, name)
        for key, most in ((one, self._most), (all_users, USERS * self._most)):
            since, count = self._failures.get(key, (now_s, 0))
            left = FAILURES_S - (now_s - since)
            if count >= most and left > 0:
                headers = [("retry-after", str(int(left) + 1))]
                raise Refusal(429, "too_many_requests", "Too many failed logins", headers)

    def failed(self, address: str, name: str, now_s: float) -> None:
        for key in self._keys(address, name):
            since, count = self._failures.pop(key, (now_s, 0))
            if now_s - since >= FAILURES_S:
                since, count = now_s, 0
            self._failures[key] = (since, count + 1)
        while len(self._failures) > ADDRESSES_MAX:
            self._failures.popitem(last=False)

    def forgive(self, address: str, name: str) -> None:
        """What was counted as a failure was none."""
        for key in self._keys(address, name):
            since, count = self._failures.get(key, (0.0, 0))
            if count > 1:
                self._failures[key] = (since, count - 1)
            else:
                self._failures.pop(key, None)


def credentials_of(request: Request) -> Credentials | None:
    """Name and password of basic authentication; None: there are none.

    Raises: Refusal: a header that is not well-formed is refused without a word (400), and a token
    as a failed login.
    """
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() not in ("basic", "bearer"):
        if not rest:
            raise malformed()
        return None
    if not rest.strip():
        raise malformed()
    if scheme.lower() == "bearer":
        raise login_failed()
    found = decoded_credentials(rest.strip())
    if found is None:
        raise malformed()
    return found


def credentials_of_query(request: Request) -> Credentials | None:
    """What a link has of a download: ?auth=, in base64; None: nothing. Raises: Refusal."""
    if "auth" in request.query:
        found = decoded_credentials(request.query["auth"].replace(" ", "+"))
        if found is None:
            raise login_failed()
        return found
    if "token" in request.query:
        raise login_failed()
    return None


def decoded_credentials(text: str) -> Credentials | None:
    """Name, colon and password in base64; None: they are not."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    name, colon, password = decoded.partition(b":")
    return Credentials(name.decode("utf-8", "surrogateescape"), password) if colon else None


def login_failed() -> Refusal:
    challenge = [("www-authenticate", REALM)]
    return Refusal(401, "not_authorized", "Login failed", challenge, VARY_EARLY)


class Doorkeeper:
    """Lets visitors in."""

    def __init__(self, node: Node):
        self._node = node
        self._attempts = Attempts(node.config.management.login_failures_max)

    async def admit(self, request: Request, credentials: Credentials | None = None) -> Visitor:
        """Who has sent a request. credentials: those of its body, if they are there.

        Raises: Refusal: nobody's name or password, a user without a tag, guest from afar.
        """
        found = credentials or credentials_of(request)
        if found is None:
            raise Refusal(401, headers=[("www-authenticate", REALM)])
        address = request.peer.rpartition(":")[0]
        now_s = self._node.clock.now_ms() / 1000
        self._attempts.check(address, found.username, now_s)
        login = await self._log_in(found, address, now_s)
        if login.user is None:
            self._refuse(request, login.reason, found.username)
            raise login_failed()
        visitor = Visitor(self._node, login, address)
        if visitor.name in self._node.config.loopback_users and not request.is_loopback:
            reason = "User can only log in via localhost"
        elif not visitor.tags & TAGS:
            reason = "Not management user"
        else:
            usage = self._node.usage
            usage.add_login(PROTOCOL, is_let_in=True, address=address, username=visitor.name)
            return visitor
        self._refuse(request, f"{reason}, user={visitor.name}", visitor.name)
        raise not_authorised(reason, VARY_EARLY)

    def _refuse(self, request: Request, reason: str, username: str) -> None:
        """Take note of it. reason: never with a password."""
        address = request.peer.rpartition(":")[0]
        usage = self._node.usage
        usage.add_login(PROTOCOL, is_let_in=False, address=address, username=username)
        log.warning("login to the HTTP API refused, peer=%s reason=%s", request.peer, reason)

    async def _log_in(self, credentials: Credentials, address: str, now_s: float) -> Login:
        """A failure is counted. While a backend is asked it counts as one: many that are asked at
        once are many attempts."""
        name = credentials.username
        answered: asyncio.Future[Login] | None = None
        found: Login | None = None

        def done(login: Login) -> None:
            nonlocal found
            found = login
            if answered is not None and not answered.done():
                answered.set_result(login)

        self._node.backends.log_in(credentials, done)
        if found is None:
            self._attempts.failed(address, name, now_s)
            answered = asyncio.get_running_loop().create_future()
            found = await answered
            if found.user is not None:
                self._attempts.forgive(address, name)
        elif found.user is None:
            self._attempts.failed(address, name, now_s)
        return found
