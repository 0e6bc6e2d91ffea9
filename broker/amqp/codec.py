"""Turns an entry of the method table into encode and decode.

`@method(class_id, method_id)` reads the annotations of a class, which are wire domains, and writes
straight-line source for its constructor, encoder and decoder when it is first used. Neighbouring
bits share an octet (Spec: 4.2.5.2). The source is kept in `linecache`, so a traceback shows it.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable
from struct import Struct, error
from typing import Any, ClassVar, Self, dataclass_transform

from broker.amqp.errors import FrameError, MalformedSyntax, undecodable
from broker.amqp.wire import (
    EMPTY_TABLE,
    Table,
    decode_longstr,
    decode_shortstr,
    decode_table,
    encode_longstr,
    encode_shortstr,
    encode_table,
)

# Wire domains, as the method table's annotations use them.
Bit = bool
Octet = int
Short = int
Long = int
LongLong = int
ShortStr = str
LongStr = bytes

_NUMBERS = {"Octet": "B", "Short": "H", "Long": "I", "LongLong": "Q"}


class Method:
    """What every method has. Instances are plain values, compared by their fields."""

    __slots__ = ()
    ids: ClassVar[tuple[int, int]]
    name: ClassVar[str]  # "queue.declare"
    fields: ClassVar[tuple[str, ...]]
    carries_content: ClassVar[bool]

    def encode(self) -> bytes:
        """The payload of a method frame: class-id, method-id, arguments."""
        raise NotImplementedError

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """payload: of a method frame, ids included. Raises: FrameError, MalformedTable."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.encode() == other.encode()

    def __hash__(self) -> int:
        return hash(self.encode())

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.fields)
        return f"{type(self).__name__}({values})"


class _Unwritten(Method):
    """A method nobody has used yet. 0.15 ms each, which many programs never need for most of them:
    10 ms of a start."""

    __slots__ = ()

    def __init__(self, *values: Any, **named: Any):
        _write(type(self))
        self.__init__(*values, **named)  # type: ignore[misc] # the one that has just been written

    def encode(self) -> bytes:
        _write(type(self))
        return self.encode()

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        _write(cls)
        return cls.decode(payload)


_unwritten: dict[type, Callable[[], dict[str, Any]]] = {}


def _write(built: type) -> None:
    """Give a method its own code. Twice does no harm: two nodes may do it, each in its thread."""
    for name, code in _unwritten[built]().items():
        setattr(built, name, code)


METHODS: dict[bytes, type[Method]] = {}  # class-id and method-id as on the wire → class


@dataclass_transform()
def method(
    class_id: int, method_id: int, *, carries_content: bool = False
) -> Callable[[type], type[Any]]:
    """Enter a class into the method table."""

    def enter(declared: type) -> type[Any]:
        domains: dict[str, str] = declared.__annotations__
        names = tuple(domains)
        namespace: dict[str, Any] = {
            "__slots__": names,
            "__doc__": declared.__doc__,
            "__module__": declared.__module__,
            "__qualname__": declared.__qualname__,
            "ids": (class_id, method_id),
            "name": _wire_name(declared.__name__),
            "fields": names,
            "carries_content": carries_content,
        }
        defaults = {name: getattr(declared, name) for name in names}
        # RabbitMQ checks short strings for UTF-8, but not in methods that carry content.
        read = decode_shortstr if carries_content else _decode_valid_shortstr

        def write() -> dict[str, Any]:
            return _compile(declared.__name__, (class_id, method_id), domains, defaults, read)

        built = type(declared.__name__, (_Unwritten,), namespace)
        _unwritten[built] = write
        METHODS[_ids_on_wire(class_id, method_id)] = built
        return built

    return enter


def _ids_on_wire(class_id: int, method_id: int) -> bytes:
    return class_id.to_bytes(2, "big") + method_id.to_bytes(2, "big")


def _wire_name(name: str) -> str:
    words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)
    return words[1:].replace("-", ".", 1)


def _compile(
    name: str,
    ids: tuple[int, int],
    domains: dict[str, str],
    defaults: dict[str, object],
    read_shortstr: Callable[[bytes, int], tuple[str, int]],
) -> dict[str, Any]:
    """Write `__init__`, `encode` and `decode` for one method."""
    scope: dict[str, Any] = {
        "IDS": _ids_on_wire(*ids),
        "MalformedSyntax": MalformedSyntax,
        "undecodable": undecodable,
        "error": error,
        "decode_shortstr": read_shortstr,
        "decode_longstr": decode_longstr,
        "decode_table": decode_table,
        "encode_shortstr": encode_shortstr,
        "encode_longstr": encode_longstr,
        "encode_table": encode_table,
    }
    for field, default in defaults.items():
        scope[f"default_{field}"] = default
    arguments = "".join(f", {field}=default_{field}" for field in domains)
    init = [f"def __init__(self{arguments}):"]
    init += [f"    self.{field} = {field}" for field in domains] or ["    pass"]
    encode = ["def encode(self):", "    return b''.join((IDS,"]
    decode = ["def decode(cls, payload):", "    self = cls.__new__(cls)", "    at = 4", "    try:"]
    bits: list[str] = []
    for field, domain in [*domains.items(), ("", "")]:
        if domain == "Bit":
            bits.append(field)
            continue
        if bits:
            packed = " | ".join(f"(self.{bit} and {1 << n} or 0)" for n, bit in enumerate(bits))
            encode.append(f"        bytes(({packed},)),")
            decode.append("        bits = payload[at]; at += 1")
            decode += [f"        self.{bit} = bits & {1 << n} != 0" for n, bit in enumerate(bits)]
            bits = []
        if domain in _NUMBERS:
            number = Struct(">" + _NUMBERS[domain])
            scope[f"pack_{domain}"], scope[f"unpack_{domain}"] = number.pack, number.unpack_from
            encode.append(f"        pack_{domain}(self.{field}),")
            decode.append(f"        (self.{field},) = unpack_{domain}(payload, at)")
            decode.append(f"        at += {number.size}")
        elif domain:
            kind = domain.lower()
            encode.append(f"        encode_{kind}(self.{field}),")
            decode.append(f"        self.{field}, at = decode_{kind}(payload, at)")
    encode.append("    ))")
    decode += ["        if at != len(payload): raise IndexError"]
    decode += [
        "    except (error, IndexError):",
        "        raise undecodable(payload[4:]) from None",
    ]
    decode += ["    except MalformedSyntax as problem:", "        if problem.is_silent: raise"]
    decode += ["        raise undecodable(payload[4:]) from None", "    return self"]
    source = "\n".join([*init, *encode, *decode]) + "\n"
    filename = f"<method table: {name}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    exec(compile(source, filename, "exec"), scope)
    made: dict[str, Any] = {entry: scope[entry] for entry in ("__init__", "encode")}
    made["decode"] = classmethod(scope["decode"])
    return made


def _decode_valid_shortstr(data: bytes, offset: int) -> tuple[str, int]:
    """As RabbitMQ does for a method's arguments: UTF-8 or a frame error."""
    end = offset + 1 + data[offset]
    if end > len(data):
        raise MalformedSyntax
    try:
        return data[offset + 1 : end].decode("utf-8"), end
    except UnicodeDecodeError:
        raise FrameError("Malformed UTF-8 in shortstr", ids=(0, 0)) from None


__all__ = [
    "EMPTY_TABLE",
    "METHODS",
    "Bit",
    "Long",
    "LongLong",
    "LongStr",
    "Method",
    "Octet",
    "Short",
    "ShortStr",
    "Table",
    "method",
]
