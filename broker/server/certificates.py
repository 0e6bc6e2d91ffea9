"""The TLS context that new connections get: made of files, and made anew when they change.

A reload makes a whole new context, so that connections see all of the old settings or all of the
new ones. A new certificate that cannot be used is logged, and the old one stays.

A resumed session has no chain to be judged (`chain_problem`). So with verify_peer no tickets are
given out, and of the sessions that OpenSSL remembers for TLS 1.2 those that were refused are
forgotten at once (`TlsStream._refuse`): what can be resumed has been judged.
"""

from __future__ import annotations

import logging
import os
import ssl
import warnings
from pathlib import Path

from broker.sections import Numbered
from broker.server.listener import ListenError
from broker.transport_settings import TLS_VERSIONS, TlsOptions

log = logging.getLogger("broker.tls")

Signature = tuple[tuple[str, int, int, int], ...]
_VERSIONS = dict(
    zip(
        TLS_VERSIONS,
        (
            ssl.TLSVersion.TLSv1,
            ssl.TLSVersion.TLSv1_1,
            ssl.TLSVersion.TLSv1_2,
            ssl.TLSVersion.TLSv1_3,
        ),
        strict=True,
    )
)
_WITHOUT = {"tlsv1.1": "OP_NO_TLSv1_1", "tlsv1.2": "OP_NO_TLSv1_2"}  # gaps can only be these
_SUITES_13 = (
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
)


class Certificates:
    """Raises: ListenError, when what is there at the start cannot be used."""

    def __init__(self, options: TlsOptions, place: str = "ssl_options"):
        """place: what the keys of these settings begin with, for the texts of errors."""
        if not options.certfile:
            listener = "listeners.ssl" if place == "ssl_options" else place
            raise ListenError(f"{listener} needs {place}.certfile")
        self._options = options
        self._place = place
        self._seen = self._signature()
        self.context = make_context(options, place)

    def reload(self) -> bool:
        """Take up what has changed. Returns: whether there was anything, and it can be used."""
        signature = self._signature()
        if signature == self._seen:
            return False
        self._seen = signature  # one line for a broken file, however long it stays
        try:
            self.context = make_context(self._options, self._place)
        except ListenError as error:
            log.error("the new certificates cannot be used, the old ones stay: %s", error)
            return False
        log.info("certificates reloaded, certfile=%s", self._options.certfile)
        return True

    def _signature(self) -> Signature:
        options = self._options
        paths = [options.certfile, options.keyfile, options.cacertfile, options.dhfile]
        paths += [path for _, path in options.sni_certfile + options.sni_keyfile]
        found = []
        for path in filter(None, paths):
            try:
                status = os.stat(path)
                found.append((path, status.st_ino, status.st_size, status.st_mtime_ns))
            except OSError:
                found.append((path, 0, 0, 0))
        return tuple(found)


def make_context(options: TlsOptions, place: str = "ssl_options") -> ssl.SSLContext:
    """place: what the settings' keys begin with. Raises: ListenError, one line that names one."""
    context = _context(options, options.certfile, options.keyfile, place)
    others = _others(options, place)
    if others:

        def choose(tls: ssl.SSLObject, host: str | None, _: ssl.SSLContext) -> None:
            name = (host or "").lower()
            other = others.get(name) or others.get(f"*.{name.partition('.')[2]}")
            if other is not None:
                tls.context = other

        context.sni_callback = choose
    return context


def _others(options: TlsOptions, place: str) -> dict[str, ssl.SSLContext]:
    """Contexts by the host that they are for."""
    keys = _named(options.sni_keyfile, f"{place}.sni.keyfile")
    certificates = _named(options.sni_certfile, f"{place}.sni.certfile")
    for host in keys:
        if host not in certificates:
            raise ListenError(f"{place}.sni.keyfile.{host} is without its sni.certfile")
    return {
        host: _context(options, path, keys.get(host, ""), f"{place}.sni ({host})", place)
        for host, path in certificates.items()
    }


def _named(values: Numbered, key: str) -> dict[str, str]:
    if any(not name for name, _ in values):
        raise ListenError(f"{key} needs a host: {key}.mq.example.com = path")
    return {name.lower(): path for name, path in values}


def _context(
    options: TlsOptions, certfile: str, keyfile: str, own: str, place: str = ""
) -> ssl.SSLContext:
    """own: where the certificate is set; place: where everything else is, if not there, too."""
    place = place or own
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    versions, ciphers = _versions_and_ciphers(options, place)
    _choose_versions(context, versions)
    if ciphers:
        context.set_ciphers(":".join(ciphers))
    if not options.honor_cipher_order:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    _readable(certfile, f"{own}.certfile")
    if keyfile:
        _readable(keyfile, f"{own}.keyfile")
    try:  # a password in any case: OpenSSL would ask for it at the terminal
        context.load_cert_chain(certfile, keyfile or None, lambda: options.password)
    except ssl.SSLError as error:
        raise ListenError(f"{own}: {_why_no_key(error, certfile, keyfile)}") from None
    if options.dhfile:
        _readable(options.dhfile, f"{place}.dhfile")
        try:
            context.load_dh_params(options.dhfile)
        except ssl.SSLError:
            raise ListenError(f"{place}.dhfile: {options.dhfile} has no parameters") from None
    _choose_peers(context, options, place)
    return context


def _choose_peers(context: ssl.SSLContext, options: TlsOptions, place: str) -> None:
    """Who is asked for a certificate, and whose is believed."""
    if options.verify != "verify_peer":
        if options.fail_if_no_peer_cert:
            raise ListenError(f"{place}.fail_if_no_peer_cert needs {place}.verify")
        return
    if not options.cacertfile:
        raise ListenError(f"{place}.verify = verify_peer needs {place}.cacertfile")
    _readable(options.cacertfile, f"{place}.cacertfile")
    try:
        context.load_verify_locations(options.cacertfile)
    except ssl.SSLError:
        raise ListenError(
            f"{place}.cacertfile: {options.cacertfile} has no certificate in PEM"
        ) from None
    required = options.fail_if_no_peer_cert
    context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0


def _choose_versions(context: ssl.SSLContext, wanted: set[str]) -> None:
    order = [name for name in TLS_VERSIONS if name in wanted]
    with warnings.catch_warnings():  # of Python, that the old ones are old
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = _VERSIONS[order[0]]
        context.maximum_version = _VERSIONS[order[-1]]
        between = TLS_VERSIONS[TLS_VERSIONS.index(order[0]) : TLS_VERSIONS.index(order[-1])]
        for name in set(between) - wanted:
            context.options |= getattr(ssl, _WITHOUT[name])
    if order[0] in ("tlsv1", "tlsv1.1"):  # OpenSSL 3 has no suite for them above this level
        context.set_ciphers("DEFAULT:@SECLEVEL=0")


def _versions_and_ciphers(options: TlsOptions, place: str) -> tuple[set[str], list[str]]:
    """The versions that there are suites for, and the suites before TLS 1.3; none: OpenSSL's.

    Those of TLS 1.3 are all of them or none: this Python cannot choose among them.
    """
    versions = {name for _, name in options.versions}
    ciphers = [name for _, name in options.ciphers]
    older = [name for name in ciphers if name not in _SUITES_13]
    for name in older:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(name)
        except ssl.SSLError:
            raise ListenError(f"{place}.ciphers: OpenSSL knows no '{name}'") from None
    if not versions:
        raise ListenError(f"{place}.versions has none")
    if ciphers and len(older) == len(ciphers):
        versions -= {"tlsv1.3"}
    elif ciphers and not older:
        versions &= {"tlsv1.3"}
    if not versions:
        raise ListenError(f"{place}.ciphers has none for {place}.versions")
    return versions, older


def _readable(path: str, key: str) -> None:
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        raise ListenError(f"{key}: {path}: {error.strerror}") from None


def _why_no_key(error: ssl.SSLError, certfile: str, keyfile: str) -> str:
    place = keyfile or certfile
    key = Path(place).read_text("latin-1")
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"the private key does not belong to the certificate in {certfile}"
    if "-----BEGIN CERTIFICATE-----" not in Path(certfile).read_text("latin-1"):
        return f"{certfile} has no certificate in PEM"
    if "PRIVATE KEY-----" not in key:
        return f"{place} has no private key in PEM"
    if "ENCRYPTED" in key:
        return f"the password of the private key in {place} is another one"
    return f"{certfile} and its key cannot be used: {error.reason or error}"


def chain_problem(tls: ssl.SSLObject, depth: int) -> str | None:
    """Why a verified peer's chain is refused all the same. None: it is not.

    depth: intermediate certificates that may be between the peer's and its CA's. Python does not
    hand this limit on to OpenSSL, but shows the chain that was verified.
    """
    if not tls.getpeercert(binary_form=True) or tls.session_reused:
        return None  # none was asked for, or none needed; or it was judged before
    shown = getattr(tls, "get_verified_chain", None)  # public from Python 3.13 on
    chain = (shown or tls._sslobj.get_verified_chain)()  # type: ignore[attr-defined]
    if not chain:
        return "its certificate comes without a chain"
    if len(chain) - 2 > depth:  # the peer's own and the CA's do not count
        return f"{len(chain) - 2} intermediate certificates, more than the depth allowed"
    return None
