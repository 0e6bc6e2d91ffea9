"""An advanced.config, or a rabbitmq.config of old: terms become entries like those of a
rabbitmq.conf.

    [{rabbit, [{heartbeat, 30}]}].      →      heartbeat = 30

A place among the terms is that of a key (`rabbitmq_keys`), or has a shape of its own (`_SHAPES`),
or is not known here, which is one warning. What is `{encrypted, <<"…">>}` is made plain first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from broker.amqp.erlang import Atom, printed
from broker.configuration.building import Building, Entry, Place
from broker.configuration.encrypted_values import Decoder, EncryptionError
from broker.configuration.erlang_terms import TermError, Tuple, read_terms
from broker.configuration.rabbitmq_keys import all_keys, at_path, reason_of
from broker.configuration.sysctl import text_of
from broker.configuration.translation import DECODER
from broker.sections import MASK

Pairs = Iterator[tuple[str, object]]
_SECRET = re.compile(r"pass|secret|decoder")


def read_advanced(path: Path, building: Building) -> list[Entry]:
    """The entries of a file; what is wrong is noted."""
    try:
        terms = read_terms(text_of(path))
    except TermError as error:
        building.refuse(Place(str(path), error.line), str(error))
        return []
    except ValueError as error:
        building.refuse(path, str(error))
        return []
    if len(terms) != 1 or not isinstance(terms[0], list):
        building.refuse(path, "must be one list of applications, followed by a dot")
        return []
    return list(_applications(terms[0], path, building))


def note_decoder(path: Path, building: Building) -> None:
    """How encrypted values are made plain is known before the first file with one is read."""
    try:
        terms = read_terms(text_of(path))
    except ValueError:  # `read_advanced` will say what is wrong
        return
    for application in terms[0] if terms and isinstance(terms[0], list) else ():
        _note_decoder(application, building)


def _note_decoder(application: Any, building: Building) -> None:
    if isinstance(application, tuple) and len(application) == 2 and _is_list(application[1]):
        for term in application[1]:
            if isinstance(term, tuple) and term[:1] == (Atom("config_entry_decoder"),):
                try:
                    for key, value in _decoder(term[1]):
                        building.extras[key.removeprefix(DECODER)] = str(value)
                except (ValueError, TypeError, IndexError):
                    building.refuse("config_entry_decoder", "it is no list of pairs")


def _plain(term: Any, building: Building) -> Any:
    """The term without what is encrypted in it. Raises: EncryptionError."""
    if isinstance(term, list):
        return [_plain(one, building) for one in term]
    if not isinstance(term, Tuple):
        return term
    if len(term) == 2 and term[0] == "encrypted" and isinstance(term[1], (bytes, str)):
        return Decoder(building.extras).decode(term[1])
    found = Tuple(_plain(one, building) for one in term)
    found.line = term.line
    return found


def _applications(terms: list[Any], path: Path, building: Building) -> Iterator[Entry]:
    for application in terms:
        place = Place(str(path), getattr(application, "line", 0))
        is_pair = isinstance(application, Tuple) and len(application) == 2
        if not is_pair or not isinstance(application[0], Atom) or not _is_list(application[1]):
            building.refuse(place, "an application must be {name, [settings]}")
            continue
        try:
            settings = _plain(application[1], building)
        except EncryptionError as error:
            building.refuse(place, str(error))
            continue
        yield from _walk(application[0], settings, place, building)


def _is_list(term: object) -> bool:
    return isinstance(term, list)


def _walk(path: str, terms: list[Any], place: Place, building: Building) -> Iterator[Entry]:
    for term in terms:
        if isinstance(term, Atom):  # {name, true}
            term = Tuple((term, Atom("true")))
            term.line = place.line
        if not isinstance(term, Tuple) or len(term) < 2 or not isinstance(term[0], Atom):
            building.warn(place, f"'{path}' has {_shown(term)}, which is not {{name, value}}")
            continue
        here = place._replace(line=term.line)
        inner = f"{path}.{term[0]}"
        value = term[1] if len(term) == 2 else term
        yield from _setting(inner, value, here, building)


def _setting(path: str, value: Any, place: Place, building: Building) -> Iterator[Entry]:
    shape = _SHAPES.get(path)
    if shape is not None:
        try:
            for key, found in list(shape(value)):
                yield Entry(key, found, place, is_literal=True)
        except (ValueError, TypeError, IndexError):
            building.refuse(place, f"'{path}' cannot be {_shown(value, path)}")
        return
    known = at_path(path)
    reason = reason_of(known.pattern) if known is not None else None
    if value == [] and _has_places(f"{path}."):
        return
    if _is_proplist(value) and _has_places(f"{path}."):
        yield from _walk(path, value, place, building)
    elif reason is not None:
        building.warn(place, f"'{path}' is accepted without effect: {reason}")
    elif known is not None and "$" not in known.pattern and not _is_proplist(value):
        try:
            yield Entry(known.pattern, scalar(value), place, is_literal=True)
        except ValueError:
            building.refuse(place, f"'{path}' cannot be {_shown(value, path)}")
    else:
        building.warn(place, f"'{path}' is accepted without effect: it has no counterpart here")


def _has_places(beginning: str) -> bool:
    return any(known.path.startswith(beginning) for known in all_keys())


def _is_proplist(value: object) -> bool:
    return isinstance(value, list) and any(
        isinstance(term, Tuple) and len(term) == 2 and isinstance(term[0], Atom) for term in value
    )


def _shown(term: object, path: str = "") -> str:
    """For the user. path: of the setting, which may be a secret or hold one."""
    if _SECRET.search(path):
        return MASK
    text = " ".join(printed(term).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def scalar(term: object) -> str:
    """A term as the text that a rabbitmq.conf has for it. Raises: ValueError."""
    if isinstance(term, bytes):
        return term.decode("utf-8", "replace")
    if isinstance(term, (str, int, float)):
        return str(term)
    if isinstance(term, list) and not term:
        return ""
    if isinstance(term, list) and all(isinstance(one, int) and one >= 32 for one in term):
        return "".join(map(chr, term))
    raise ValueError("no single value")


def _elements(term: object) -> list[Any]:
    if not isinstance(term, list):
        raise ValueError("no list")
    return term


def _listeners(key: str) -> Callable[[Any], Pairs]:
    def shape(term: Any) -> Pairs:
        """[5672], [{"127.0.0.1", 5672}]"""
        found = _elements(term)
        if not found:
            yield key, "none"
        for number, one in enumerate(found, 1):
            address = f"{scalar(one[0])}:{one[1]}" if isinstance(one, tuple) else scalar(one)
            yield f"{key}.{number}", address

    return shape


def _numbered(key: str) -> Callable[[Any], Pairs]:
    def shape(term: Any) -> Pairs:
        for number, one in enumerate(_elements(term), 1):
            yield f"{key}.{number}", scalar(one)

    return shape


def _names(key: str) -> Callable[[Any], Pairs]:
    def shape(term: Any) -> Pairs:
        yield key, [scalar(one) for one in _elements(term)]

    return shape


def _backends(term: Any) -> Pairs:
    """[a], [{a, b}], [{a, [b]}]: RabbitMQ takes several for authorisation, we the first."""
    for number, one in enumerate(_elements(term), 1):
        if not isinstance(one, tuple):
            yield f"auth_backends.{number}", scalar(one)
            continue
        authz = one[1][0] if isinstance(one[1], list) else one[1]
        yield f"auth_backends.{number}.authn", scalar(one[0])
        yield f"auth_backends.{number}.authz", scalar(authz)


def _cached(term: Any) -> Pairs:
    if not isinstance(term, tuple):
        yield "auth_cache.cached_backend", scalar(term)
        return
    yield "auth_cache.cached_backend.authn", scalar(term[0])
    yield "auth_cache.cached_backend.authz", scalar(term[1])


def _memory(term: Any) -> Pairs:
    """0.4, {absolute, "1GB"}, {relative, 0.4}"""
    if isinstance(term, tuple):
        yield f"vm_memory_high_watermark.{scalar(term[0])}", scalar(term[1])
    else:
        yield "vm_memory_high_watermark.relative", scalar(term)


def _disk(term: Any) -> Pairs:
    """50000000, "1GB", {mem_relative, 1.0}"""
    if isinstance(term, tuple):
        yield "disk_free_limit.relative", scalar(term[1])
    else:
        yield "disk_free_limit.absolute", scalar(term)


def _permissions(term: Any) -> Pairs:
    """[configure, write, read], in this order."""
    for name, one in zip(("configure", "write", "read"), _elements(term), strict=True):
        yield f"default_permissions.{name}", scalar(one)


def _linger(term: Any) -> Pairs:
    """{true, 0}"""
    yield "tcp_listen_options.linger.on", scalar(term[0])
    yield "tcp_listen_options.linger.timeout", scalar(term[1])


def _decoder(term: Any) -> Pairs:
    """[{passphrase, <<"…">>}, {cipher, aes_256_cbc}, …]; a passphrase may be {file, "…"}."""
    for name, value in _elements(term):
        if isinstance(value, tuple):
            yield "config_entry_decoder.passphrase_file", scalar(value[1])
        else:
            yield f"config_entry_decoder.{scalar(name)}", scalar(value)


_SHAPES: dict[str, Callable[[Any], Pairs]] = {
    "rabbit.tcp_listeners": _listeners("listeners.tcp"),
    "rabbit.ssl_listeners": _listeners("listeners.ssl"),
    "rabbit.loopback_users": _names("loopback_users"),
    "rabbit.default_user_tags": _names("default_user_tags"),
    "rabbit.auth_mechanisms": _numbered("auth_mechanisms"),
    "rabbit.auth_backends": _backends,
    "rabbit.vm_memory_high_watermark": _memory,
    "rabbit.disk_free_limit": _disk,
    "rabbit.default_permissions": _permissions,
    "rabbit.tcp_listen_options.linger": _linger,
    "rabbit.ssl_options.versions": _numbered("ssl_options.versions"),
    "rabbit.ssl_options.ciphers": _numbered("ssl_options.ciphers"),
    "rabbitmq_management.ssl_config.versions": _numbered("management.ssl.versions"),
    "rabbitmq_management.ssl_config.ciphers": _numbered("management.ssl.ciphers"),
    "rabbitmq_prometheus.ssl_config.versions": _numbered("prometheus.ssl.versions"),
    "rabbitmq_prometheus.ssl_config.ciphers": _numbered("prometheus.ssl.ciphers"),
    "rabbitmq_management.cors_allow_origins": _numbered("management.cors.allow_origins"),
    "rabbitmq_auth_backend_cache.cached_backend": _cached,
    "rabbit.config_entry_decoder": _decoder,
}
