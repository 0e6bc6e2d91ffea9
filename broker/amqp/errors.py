"""Reply codes, and the exceptions that carry them.

A refusal is the peer's doing and carries its reply: the code, the name and the text that the peer
reads. Clients match on the texts, so every text is a function at the end of this module and is
compared with RabbitMQ's by the conformance tests.
"""

from __future__ import annotations

from broker.amqp.erlang import Atom, CharList, with_term

REPLY_TEXT_MAX = 255


class AMQPException(Exception):  # noqa: N818 - the field's word
    """A refusal. `reply_text` is what the peer reads: "NAME - text", at most 255 octets."""

    reply_code = 541
    reply_name = "INTERNAL_ERROR"
    is_hard = True
    is_silent = False  # the connection is dropped without a reply

    def __init__(self, text: str = "", *, ids: tuple[int, int] | None = None):
        super().__init__(text)
        self.text = text
        self.ids = ids  # (class-id, method-id); None: the dispatcher fills in the method at hand

    @property
    def reply_text(self) -> str:
        whole = f"{self.reply_name} - {self.text}" if self.text else self.reply_name
        octets = whole.encode("utf-8", "surrogateescape")
        if len(octets) > REPLY_TEXT_MAX:
            whole = octets[: REPLY_TEXT_MAX - 3].decode("utf-8", "ignore") + "..."
        return whole


class ChannelException(AMQPException):
    """Soft: closes the channel (on channel 0 the connection). 311 403 404 405 406."""

    is_hard = False


class ConnectionException(AMQPException):
    """Hard: closes the connection. 320 402 501-506 530 540 541."""


class ContentTooLarge(ChannelException):
    reply_code, reply_name = 311, "CONTENT_TOO_LARGE"


class ConnectionForced(ConnectionException):
    reply_code, reply_name = 320, "CONNECTION_FORCED"


class InvalidPath(ConnectionException):
    reply_code, reply_name = 402, "INVALID_PATH"


class AccessRefused(ChannelException):
    reply_code, reply_name = 403, "ACCESS_REFUSED"


class NotFound(ChannelException):
    reply_code, reply_name = 404, "NOT_FOUND"


class ResourceLocked(ChannelException):
    reply_code, reply_name = 405, "RESOURCE_LOCKED"


class PreconditionFailed(ChannelException):
    reply_code, reply_name = 406, "PRECONDITION_FAILED"


class FrameError(ConnectionException):
    reply_code, reply_name = 501, "FRAME_ERROR"


class MalformedSyntax(ConnectionException):
    reply_code, reply_name = 502, "SYNTAX_ERROR"


class MalformedTable(MalformedSyntax):
    """A field table that cannot be read. RabbitMQ's reader dies of it: it hangs up, so do we."""

    is_silent = True


class UnknownMethodError(FrameError):
    """A method nobody knows. RabbitMQ hangs up without a word."""

    is_silent = True


class CommandInvalid(ConnectionException):
    reply_code, reply_name = 503, "COMMAND_INVALID"


class ChannelError(ConnectionException):
    reply_code, reply_name = 504, "CHANNEL_ERROR"


class UnexpectedFrame(ConnectionException):
    reply_code, reply_name = 505, "UNEXPECTED_FRAME"


class ResourceError(ConnectionException):
    reply_code, reply_name = 506, "RESOURCE_ERROR"


class NotAllowed(ConnectionException):
    reply_code, reply_name = 530, "NOT_ALLOWED"


class NotImplementedByBroker(ConnectionException):
    reply_code, reply_name = 540, "NOT_IMPLEMENTED"


class InternalError(ConnectionException):
    reply_code, reply_name = 541, "INTERNAL_ERROR"


NO_ROUTE = (312, "NO_ROUTE")  # of basic.return; not an exception


# The texts, one function each.


def resource(kind: str, name: str, vhost: str) -> str:
    """How RabbitMQ names a thing in its texts: "queue 'q' in vhost '/'"."""
    return f"{kind} '{name}' in vhost '{vhost}'"


def no_queue(name: str, vhost: str) -> NotFound:
    return NotFound(f"no {resource('queue', name, vhost)}")


def no_exchange(name: str, vhost: str) -> NotFound:
    return NotFound(f"no {resource('exchange', name, vhost)}")


def no_previous_queue() -> NotFound:
    return NotFound("no previously declared queue")


def reserved_name(kind: str, name: str) -> AccessRefused:
    return AccessRefused(f"{kind} name '{name}' contains reserved prefix 'amq.*'")


def default_exchange_operation() -> AccessRefused:
    return AccessRefused("operation not permitted on the default exchange")


def system_exchange_deletion(what: str) -> AccessRefused:
    return AccessRefused(f"deletion of system {what} not allowed")


def internal_exchange_publish(what: str) -> AccessRefused:
    return AccessRefused(f"cannot publish to internal {what}")


def access_refused(what: str, username: str) -> AccessRefused:
    return AccessRefused(f"access to {what} refused for user '{username}'")


def topic_refused(routing_key: str, exchange: str, vhost: str, username: str) -> AccessRefused:
    what = resource("exchange", exchange, vhost)
    return AccessRefused(f"access to topic '{routing_key}' in {what} refused for user '{username}'")


def exclusive_consumer(what: str) -> AccessRefused:
    return AccessRefused(f"{what} in exclusive use")


def locked_queue(what: str) -> ResourceLocked:
    return ResourceLocked(
        f"cannot obtain exclusive access to locked {what}. It could be originally declared on "
        "another connection or the exclusive property value does not match that of the original "
        "declaration."
    )


def single_active_get(what: str) -> ResourceLocked:
    return ResourceLocked(
        f"cannot obtain access to locked {what}. basic.get operations are not supported by quorum "
        "queues with single active consumer"
    )


def inequivalent(key: str, what: str, received: str, current: str) -> PreconditionFailed:
    return PreconditionFailed(
        f"inequivalent arg '{key}' for {what}: received {received} but current is {current}"
    )


def invalid_argument(key: str, what: str, problem: object) -> PreconditionFailed:
    return PreconditionFailed(with_term(f"invalid arg '{key}' for {what}: ", problem, 255))


def argument_of_other_type(key: str, what: str, queue_type: str) -> PreconditionFailed:
    return PreconditionFailed(f"invalid arg '{key}' for {what} of queue type {queue_type}")


def invalid_argument_type(type_name: str, key: str, what: str) -> PreconditionFailed:
    return PreconditionFailed(f"invalid type '{type_name}' for arg '{key}' in {what}")


def invalid_property(key: str, what: str) -> PreconditionFailed:
    return PreconditionFailed(f"invalid property '{key}' for {what}")


def too_large(key: str) -> PreconditionFailed:
    return PreconditionFailed(f"Exceeded max value for {key}")


def no_streams(what: str) -> PreconditionFailed:
    """Not RabbitMQ's: there are no streams yet."""
    return PreconditionFailed(f"invalid arg 'x-queue-type' for {what}: no streams on this node")


def in_use(what: str) -> PreconditionFailed:
    return PreconditionFailed(f"{what} in use")


def conditional_quorum_delete(what: str, flag: str) -> NotImplementedByBroker:
    return NotImplementedByBroker(
        f"cannot delete {what}. queue.delete operations with {flag} flag set are not supported by "
        "quorum queues"
    )


def not_empty(what: str) -> PreconditionFailed:
    return PreconditionFailed(f"{what} not empty")


def unknown_delivery_tag(tag: int) -> PreconditionFailed:
    return PreconditionFailed(f"unknown delivery tag {tag}")


def ack_timeout(channel: int, timeout_ms: int) -> PreconditionFailed:
    return PreconditionFailed(
        f"delivery acknowledgement on channel {channel} timed out. Timeout value used: "
        f"{timeout_ms} ms. This timeout value can be configured, see consumers doc guide to learn "
        "more",
        ids=(0, 0),
    )


def unknown_consumer_tag(tag: str) -> PreconditionFailed:
    return PreconditionFailed(f"unknown consumer tag '{tag}'")


def user_id_mismatch(claimed: str, actual: str) -> PreconditionFailed:
    return PreconditionFailed(
        f"user_id property set to '{claimed}' but authenticated user was '{actual}'"
    )


def invalid_expiration(expiration: str, problem: object) -> PreconditionFailed:
    return PreconditionFailed(with_term(f"invalid expiration '{expiration}': ", problem))


def message_too_large(size: int, limit: int) -> PreconditionFailed:
    kind = "max size" if limit == 512 * 1024 * 1024 else "configured max size"
    return PreconditionFailed(f"message size {size} is larger than {kind} {limit}")


def invalid_routing_header(header: str, type_name: str) -> PreconditionFailed:
    problem = (Atom("unacceptable_type_in_header"), CharList(header), Atom(type_name))
    return PreconditionFailed(with_term("invalid message: ", problem))


def unknown_delivery_mode(mode: int) -> PreconditionFailed:
    return PreconditionFailed(f"invalid message: {{delivery_mode_unknown,{mode}}}")


def no_reply_consumer() -> PreconditionFailed:
    return PreconditionFailed("fast reply consumer does not exist")


def tx_from_confirm() -> PreconditionFailed:
    return PreconditionFailed("cannot switch from confirm to tx mode")


def confirm_from_tx() -> PreconditionFailed:
    return PreconditionFailed("cannot switch from tx to confirm mode")


def partial_commit() -> PreconditionFailed:
    return PreconditionFailed("partial tx completion")


def not_transactional() -> PreconditionFailed:
    return PreconditionFailed("channel is not transactional")


def unknown_exchange_type(type_name: str, *, is_atom: bool) -> CommandInvalid:
    return CommandInvalid(f"{'invalid' if is_atom else 'unknown'} exchange type '{type_name}'")


def unimplemented_method() -> CommandInvalid:
    return CommandInvalid("unimplemented method")


def second_channel_open() -> ChannelError:
    return ChannelError("second 'channel.open' seen")


def expected_channel_open() -> ChannelError:
    return ChannelError("expected 'channel.open'")


def consumer_tag_reuse(tag: str) -> NotAllowed:
    return NotAllowed(f"attempt to reuse consumer tag '{tag}'")


def vhost_refused(vhost: str, username: str) -> NotAllowed:
    return NotAllowed(f"access to vhost '{vhost}' refused for user '{username}'")


def vhost_connection_limit(vhost: str, username: str, limit: int) -> NotAllowed:
    return NotAllowed(
        f"access to vhost '{vhost}' refused for user '{username}': "
        f"connection limit ({limit}) is reached"
    )


def user_connection_limit(username: str, limit: int) -> NotAllowed:
    return NotAllowed(
        f"connection refused for user '{username}': user connection limit ({limit}) is reached"
    )


def node_connection_limit(limit: int) -> NotAllowed:
    return NotAllowed(f"connection refused: node connection limit ({limit}) is reached")


def user_channel_limit(username: str, limit: int) -> NotAllowed:
    return NotAllowed(
        f"number of channels opened for user '{username}' has reached the maximum allowed user "
        f"limit of ({limit})",
        ids=(0, 0),
    )


def node_channel_limit(node: str, limit: int) -> NotAllowed:
    return NotAllowed(
        f"number of channels opened on node '{node}' has reached the maximum allowed limit of "
        f"({limit})",
        ids=(0, 0),
    )


def queue_limit(queue: str, vhost: str, limit: int) -> PreconditionFailed:
    return PreconditionFailed(
        f"cannot declare queue '{queue}': queue limit in vhost '{vhost}' ({limit}) is reached"
    )


def no_vhost(vhost: str) -> NotAllowed:
    return NotAllowed(f"vhost {vhost} not found")


def too_many_channels(count: int, channel_max: int) -> NotAllowed:
    return NotAllowed(
        f"number of channels opened ({count}) has reached the negotiated channel_max "
        f"({channel_max})"
    )


def undecodable(arguments: bytes) -> FrameError:
    return FrameError(with_term("cannot decode ", arguments))


def deleted(kind: str, name: str) -> ConnectionForced:
    """kind: "user" or "vhost": what a connection cannot do without."""
    return ConnectionForced(f"{kind} '{name}' is deleted", ids=(0, 0))


def _frame_snippet(frame_type: int, payload: bytes) -> str:
    """How RabbitMQ shows the start of an offending frame."""
    what = "all" if len(payload) <= 16 else "first 16"
    text = f"type {frame_type}, {what} octets = "
    return with_term(text, payload[:16])


def frame_out_of_place(frame_type: int, payload: bytes) -> UnexpectedFrame:
    return UnexpectedFrame(_frame_snippet(frame_type, payload), ids=(0, 0))


def bad_frame(frame_type: int, payload: bytes, problem: object) -> FrameError:
    text = f"{_frame_snippet(frame_type, payload)}: "
    return FrameError(with_term(text, problem), ids=(0, 0))
