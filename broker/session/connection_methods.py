"""The methods of class connection: the handshake, tuning, opening, closing.

`states.HANDSHAKE` says which method may come in which state; what is absent is refused here.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING

from broker.amqp import legacy
from broker.amqp.errors import (
    AccessRefused,
    AMQPException,
    ChannelError,
    CommandInvalid,
    NotAllowed,
    UnknownMethodError,
    node_connection_limit,
)
from broker.amqp.frames import FRAME_MIN_SIZE, method_frame
from broker.amqp.methods import (
    METHODS,
    ConnectionClose,
    ConnectionOpen,
    ConnectionOpenOk,
    ConnectionStart,
    ConnectionStartOk,
    ConnectionTune,
    ConnectionTuneOk,
    ConnectionUpdateSecret,
    ConnectionUpdateSecretOk,
    Method,
)
from broker.amqp.wire import table_of
from broker.auth.mechanisms import (
    MECHANISMS,
    Circumstances,
    Credentials,
    LoginRefusedError,
    offered,
)
from broker.session import reports
from broker.session.access import Access, AskedAccess, LoginAttempt
from broker.session.dispatch import HANDLERS, handles
from broker.session.states import HANDSHAKE, State
from broker.version import __version__

if TYPE_CHECKING:
    from broker.session.connection import Connection

log = logging.getLogger("broker.connection")

CAPABILITIES = (
    "publisher_confirms",
    "exchange_exchange_bindings",
    "basic.nack",
    "consumer_cancel_notify",
    "connection.blocked",
    "consumer_priorities",
    "authentication_failure_close",
    "per_consumer_qos",
    "direct_reply_to",
)

PROTOCOL = "amqp091"  # RabbitMQ's name where logins are counted


def start(connection: Connection, version: tuple[int, int]) -> None:
    """Answer the protocol header. version: of the protocol, major and minor."""
    identity = connection.node.config.identity
    frame = _start_frame(
        version,
        connection.is_legacy,
        connection.node.cluster_name,
        identity.product,
        identity.product_version,
        " ".join(_offered(connection)),
    )
    connection.send_raw((frame,))
    log.debug("accepted, peer=%s", connection.peer_name)


@lru_cache(maxsize=16)  # the same for every connection of a node: 20 µs each
def _start_frame(
    version: tuple[int, int],
    is_legacy: bool,
    cluster_name: str,
    product: str,
    product_version: str,
    mechanisms: str,
) -> bytes:
    """connection.start, which announces RabbitMQ, with its nine capabilities."""
    server_properties = table_of(
        {
            "capabilities": {} if is_legacy else dict.fromkeys(CAPABILITIES, True),
            "cluster_name": cluster_name,
            "copyright": "The Leveret authors",
            "information": "A message broker in pure Python",
            "platform": f"Leveret {__version__} / Python",
            "product": product,
            "version": product_version,
        }
    )
    payload = ConnectionStart(*version, server_properties, mechanisms.encode()).encode()
    return method_frame(0, legacy.to_0_8(payload) if is_legacy else payload)


def _offered(connection: Connection) -> list[str]:
    settings = connection.node.config.authentication
    has_external = any(name == "EXTERNAL" for _, name in settings.mechanisms)
    is_tls = has_external and connection.endpoint.tls is not None
    return offered(settings, is_tls=is_tls)


def dispatch(connection: Connection, payload: bytes) -> None:
    """A method on channel 0. Raises: AMQPException."""
    method_class = METHODS.get(payload[:4])
    if method_class is None:
        raise UnknownMethodError
    command = method_class.decode(payload)
    following = HANDSHAKE.get((connection.state, method_class))
    if following is None:
        raise ChannelError(f"unexpected method in connection state {connection.state.value}")
    reply = HANDLERS[method_class](connection, command)
    if reply is not None:
        connection.send(0, reply)
    connection.state = following


@handles(ConnectionStartOk)
def connection_start_ok(connection: Connection, command: ConnectionStartOk) -> Method | None:
    """Spec: connection.start-ok. Raises: AccessRefused (403), CommandInvalid, MalformedSyntax."""
    connection.client_properties = command.client_properties
    capabilities = command.client_properties.get("capabilities")
    if capabilities is not None and capabilities.tag == "F":
        assert isinstance(capabilities.value, dict)
        wanted = {name for name, field in capabilities.value.items() if field.value is True}
        connection.wants_cancel_notify = "consumer_cancel_notify" in wanted
        connection.wants_blocked = "connection.blocked" in wanted
        connection.wants_auth_close = "authentication_failure_close" in wanted
    if command.mechanism not in _offered(connection):
        problem = "invalid" if command.mechanism in MECHANISMS else "unknown"
        raise CommandInvalid(f"{problem} authentication mechanism '{command.mechanism}'")
    connection.mechanism = command.mechanism
    connection.state = State.SECURING
    credentials = _credentials(connection, command.response)
    node = connection.node
    if connection.attempt is None:
        connection.attempt = LoginAttempt(node, credentials)
    user, backend, reason = connection.attempt.result()
    connection.attempt = None
    if user is None:
        raise _login_refused(connection, reason, credentials.username)
    if user.name in node.config.loopback_users and not connection.is_loopback:
        reason = f"user '{user.name}' can only connect via localhost"
        raise _login_refused(connection, reason, user.name)
    connection.user = user
    address = connection.peer_name.rpartition(":")[0]
    node.usage.add_login(PROTOCOL, is_let_in=True, address=address, username=user.name)
    if node.events is not None:
        reports.logged_in(connection, user.name)
    if backend is None:
        connection.access = Access(node, user)
    else:
        connection.access = AskedAccess(node, user, backend, address)
    limits = node.config.limits
    return ConnectionTune(limits.channel_max, limits.frame_max, limits.heartbeat_s)


def _credentials(connection: Connection, response: bytes) -> Credentials:
    """Raises: AccessRefused (403), MalformedSyntax."""
    settings = connection.node.config.authentication
    circumstances = Circumstances(settings)
    if connection.mechanism == "EXTERNAL":
        tls = connection.endpoint.tls
        if tls is not None:
            circumstances = Circumstances(settings, True, tls.verifies, tls.certificate)
    try:
        return MECHANISMS[connection.mechanism](response, circumstances)
    except LoginRefusedError as refusal:
        raise _login_refused(connection, str(refusal)) from None


def _login_refused(connection: Connection, reason: str, username: str = "") -> AccessRefused:
    address = connection.peer_name.rpartition(":")[0]
    usage = connection.node.usage
    usage.add_login(PROTOCOL, is_let_in=False, address=address, username=username)
    if connection.node.events is not None:
        reports.logged_in(connection, username, reason)
    log.warning(
        "login refused, peer=%s mechanism=%s reason=%s",
        connection.peer_name,
        connection.mechanism,
        reason,
    )
    return AccessRefused(
        f"Login was refused using authentication mechanism {connection.mechanism}. "
        "For details see the broker logfile.",
        ids=(0, 0),
    )


@handles(ConnectionTuneOk)
def connection_tune_ok(connection: Connection, command: ConnectionTuneOk) -> None:
    """Spec: connection.tune-ok. Raises: NotAllowed when a peer asks for too much or too little."""
    limits = connection.node.config.limits
    _check_negotiated("frame_max", FRAME_MIN_SIZE, limits.frame_max, command.frame_max)
    _check_negotiated("channel_max", 1, limits.channel_max, command.channel_max)
    connection.frame_max = command.frame_max
    connection.channel_max = command.channel_max
    connection.heartbeat_ms = command.heartbeat * 1000


def _check_negotiated(name: str, least: int, ours: int, theirs: int) -> None:
    detail = "" if theirs else " (no limit)"
    if theirs and theirs < least:
        raise NotAllowed(
            f"negotiated {name} = {theirs}{detail} is lower than the minimum allowed value "
            f"({least})",
            ids=ConnectionTune.ids,
        )
    if ours and (not theirs or theirs > ours):
        raise NotAllowed(
            f"negotiated {name} = {theirs}{detail} is higher than the maximum allowed value "
            f"({ours})",
            ids=ConnectionTune.ids,
        )


@handles(ConnectionOpen)
def connection_open(connection: Connection, command: ConnectionOpen) -> Method:
    """Spec: connection.open. Raises: NotAllowed (530), no such vhost or not for this user."""
    node, user = connection.node, connection.user
    limit = node.config.limits.connection_max
    if limit is not None and len(node.peers) > limit:
        raise node_connection_limit(limit)
    vhost = node.check_connection_limits(command.virtual_host, user.name)
    connection.access.enter(vhost.name)
    connection.enter(vhost)
    log.info(
        "opened, peer=%s user=%s vhost=%s",
        connection.peer_name,
        user.name,
        command.virtual_host,
    )
    if connection.node.events is not None:
        reports.connection_opened(connection)
    return ConnectionOpenOk()


@handles(ConnectionUpdateSecret)
def connection_update_secret(connection: Connection, command: ConnectionUpdateSecret) -> Method:
    """RabbitMQ extension. The backend that answers for the user may refuse. Raises: NotAllowed."""
    answer = connection.access.renew(command.new_secret)
    if answer.error is not None:
        raise NotAllowed("Secret update failed")
    if not answer.is_yes:
        raise NotAllowed("New secret was refused by one of the backends")
    connection.forget_routes()
    log.info("secret updated, peer=%s user=%s", connection.peer_name, connection.user.name)
    return ConnectionUpdateSecretOk()


@handles(ConnectionClose)
def connection_close(connection: Connection, command: ConnectionClose) -> None:
    """Spec: connection.close. The reply goes out before the transport closes."""
    connection.close_by_peer()


def refuse_handshake(connection: Connection, refusal: AMQPException) -> bool:
    """Before RUNNING the reply depends on the state. Returns: whether this was such a case.

    A failed login is told to peers that announced `authentication_failure_close`; whoever breaks
    the protocol, or asks for too much when tuning, is told nothing.
    """
    state = connection.state
    if state is State.RUNNING or state is State.OPENING:
        return False
    if isinstance(refusal, AccessRefused) and connection.wants_auth_close:
        ids = refusal.ids or (0, 0)
        connection.send(0, ConnectionClose(refusal.reply_code, refusal.reply_text, *ids))
    return True
