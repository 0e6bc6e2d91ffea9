"""A socket that never blocks, with or without TLS: `send` and `receive` say what they could do."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from broker.cli.messaging.address import Address
from broker.cli.messaging.exits import EX_UNAVAILABLE, Failure

if TYPE_CHECKING:
    import ssl

RECEIVE_BYTES = 262144


class Transport:
    """One connected socket."""

    def __init__(self, connected: socket.socket):
        self.socket = connected
        connected.setblocking(False)
        self._would_block: tuple[type[Exception], ...] = (BlockingIOError,)
        self._tls: ssl.SSLSocket | None = None
        if hasattr(connected, "pending"):
            import ssl

            assert isinstance(connected, ssl.SSLSocket)
            self._tls = connected
            self._would_block = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

    def fileno(self) -> int:
        return self.socket.fileno()

    @property
    def has_pending(self) -> bool:
        """Octets have been read from the socket that nobody received yet; polling shows nothing."""
        return self._tls is not None and self._tls.pending() > 0

    def send(self, data: bytes | bytearray | memoryview) -> int:
        """Returns: octets taken, 0 if there is no room. Raises: Failure when the peer is gone."""
        try:
            return self.socket.send(data)
        except self._would_block:
            return 0
        except OSError as error:
            raise lost(error) from None

    def receive(self) -> bytes | None:
        """Returns: what is there, None if nothing is. Raises: Failure when the peer is gone."""
        try:
            data = self.socket.recv(RECEIVE_BYTES)
        except self._would_block:
            return None
        except OSError as error:
            raise lost(error) from None
        if not data:
            raise Failure("the broker closed the connection", is_lost=True)
        return data

    def close(self) -> None:
        self.socket.close()


def lost(error: OSError) -> Failure:
    """The connection is gone: by a word of the system."""
    return Failure(f"the connection was lost: {error.strerror or error}", is_lost=True)


def connect(address: Address) -> Transport:
    """Raises: Failure with the reason: not there, no such host, no trust."""
    try:
        connected = socket.create_connection(address.place, address.connect_timeout_s)
    except TimeoutError:
        raise _unreachable(address, "it did not answer in time") from None
    except socket.gaierror as error:
        raise _unreachable(address, error.strerror or "the name is not known") from None
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _unreachable(address, reason.lower()) from None
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not address.is_tls:
        return Transport(connected)
    try:
        return Transport(_secured(connected, address))
    except BaseException:
        connected.close()
        raise


def _secured(connected: socket.socket, address: Address) -> ssl.SSLSocket:
    import ssl

    context = ssl.create_default_context(cafile=_readable(address.cacert))
    if address.is_insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if address.cert:
        try:
            context.load_cert_chain(address.cert, address.key or None, password=_no_passphrase)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise Failure(f"{address.cert}: certificate and key do not load: {reason}") from None
    try:
        return context.wrap_socket(connected, server_hostname=address.host)
    except ssl.SSLCertVerificationError as error:
        raise _unreachable(address, f"its certificate: {error.verify_message}") from None
    except TimeoutError:
        raise _unreachable(address, "it did not answer TLS in time") from None
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).lower().replace("_", " ")
        raise _unreachable(address, f"TLS failed: {reason}") from None
    except OSError as error:
        raise _unreachable(address, f"TLS failed: {error.strerror or error}") from None


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase")


def _readable(path: str) -> str | None:
    """The file with trusted certificates, if one is given. Raises: Failure if it is none."""
    if not path:
        return None
    import ssl

    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        reason = error.strerror if not isinstance(error, ssl.SSLError) else "no certificates in it"
        raise Failure(f"{path}: {reason}") from None
    return path


def _unreachable(address: Address, reason: str) -> Failure:
    return Failure(f"no connection to {address}: {reason}", EX_UNAVAILABLE, is_lost=True)
