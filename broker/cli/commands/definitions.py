"""All definitions of a node, into a file and out of one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from broker.amqp.erlang import Atom, CharList
from broker.cli.command import (
    DEFINITIONS,
    DONE,
    SWITCH,
    TEXT,
    Call,
    Output,
    Rows,
    command,
)
from broker.cli.elixir import inspect
from broker.cli.errors import EX_DATA, FailedError, bad_argument

STDIN = "standard input"
SIZE_MAX = 1 << 30  # octets of definitions that are deflated
ATOMS = {"true": True, "false": False, "null": None, "undefined": None}
NO_TERM = (  # what Erlang says of its `binary_to_term`
    "errors were found at the given arguments:\n\n"
    "  * 1st argument: invalid external representation of a term\n"
)
FORMATS = {"json": "JSON", "JSON": "JSON", "erlang": "Erlang term format"}
FORMAT = ("--format <json | erlang>", "JSON, as the HTTP API has it, or Erlang's external terms")
ANSWER = (
    "Successfully started definition import. This process is asynchronous and can take some time.\n"
)


def _check_format(call: Call) -> None:
    if call.options["format"] not in FORMATS:
        raise bad_argument("Format should be either json or erlang")


def _check_export(call: Call) -> None:
    _check_format(call)
    path = call.arguments[0]
    directory = Path(path).absolute().parent
    if path != "-" and not directory.is_dir():
        raise bad_argument(f"Directory {directory} does not exist")


def _export_banner(call: Call) -> str | None:
    path, kind = call.arguments[0], FORMATS[call.options["format"]]
    if path == "-":
        return None
    return f'Exporting definitions in {kind} to a file at "{path}" ...'


@command(
    "export_definitions",
    usage='export_definitions <file_path | "-"> [--format <json | erlang>]',
    description="Writes all definitions into a file",
    section=DEFINITIONS,
    topics=[('<file_path | "-">', "The file; -: standard output"), FORMAT],
    has_timeout=True,
    timeout_ms=300_000,
    switches={"format": TEXT},
    arity=(1, 1),
    defaults={"format": "json"},
    validate=_check_export,
    banner=_export_banner,
)
def export_definitions(call: Call) -> Output:
    text = "".join(call.stream("definitions.export"))
    octets = _encoded(text, call.options["format"])
    path = call.arguments[0]
    if path == "-":
        _write(call, octets)
        return None
    temporary = Path(f"{path}.{os.getpid()}.new")
    try:
        temporary.write_bytes(octets)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise FailedError(f"Could not write to file {path}: {error.strerror}", EX_DATA) from None
    return None


def _write(call: Call, octets: bytes) -> None:
    """To where the tool writes, which is made for text."""
    stream = call.streams.stdout
    stream.flush()
    binary = getattr(stream, "buffer", None)
    if binary is not None:
        binary.write(octets)
        binary.flush()
    else:
        stream.write(octets.decode("utf-8", "surrogateescape"))


def _encoded(text: str, kind: str) -> bytes:
    if kind != "erlang":
        return text.encode()
    import json

    from broker.configuration.external_terms import deflated, write_external

    document = json.loads(text)
    return deflated(write_external({Atom(key): _as_term(value) for key, value in document.items()}))


def _as_term(value: Any) -> Any:
    """JSON as RabbitMQ has it in Erlang."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, list):
        return [_as_term(one) for one in value]
    if isinstance(value, dict):
        return {key.encode(): _as_term(inner) for key, inner in value.items()}
    return Atom("null") if value is None else value


def _decoded(octets: bytes) -> str:
    """The JSON that an Erlang term stands for. Raises: FailedError."""
    import json

    from broker.configuration.external_terms import read_external

    try:
        term = read_external(octets, size_max=SIZE_MAX)
    except (ValueError, OverflowError, RecursionError):
        raise _undecoded(inspect(NO_TERM)) from None
    try:
        found = _as_json(term)
        if not isinstance(found, dict):
            raise ValueError("no map")
    except (ValueError, RecursionError) as error:
        raise _undecoded(str(error)) from None
    return json.dumps(found, ensure_ascii=False)


def _undecoded(reason: str) -> FailedError:
    kind = FORMATS["erlang"]
    return FailedError(f"Failed to deserialise input (format: {kind}) (error: {reason})", EX_DATA)


def _as_json(term: Any) -> Any:
    """Raises: ValueError."""
    if isinstance(term, CharList):  # what Erlang takes for a string is a list of numbers there
        return [ord(letter) for letter in term]
    if isinstance(term, Atom):
        return ATOMS.get(term, str(term))
    if isinstance(term, bytes):
        return term.decode("utf-8", "replace")
    if isinstance(term, list):
        return [_as_json(one) for one in term]
    if isinstance(term, dict):
        return {str(_as_json(key)): _as_json(value) for key, value in term.items()}
    if isinstance(term, tuple):
        raise ValueError("a tuple is not among definitions")
    return term


def _check_import(call: Call) -> None:
    _check_format(call)
    if call.arguments and not Path(call.arguments[0]).exists():
        raise bad_argument(f"File {call.arguments[0]} does not exist")


def _import_banner(call: Call) -> str:
    place = f'a file at "{call.arguments[0]}"' if call.arguments else STDIN
    return f"Importing definitions in {FORMATS[call.options['format']]} from {place} ..."


@command(
    "import_definitions",
    usage='import_definitions <file_path | "-"> [--format <json | erlang>] [--skip-if-unchanged]',
    description="Makes what is defined in a file; what is there already stays",
    section=DEFINITIONS,
    topics=[
        ("<file_path>", "The file; without one standard input"),
        FORMAT,
        ("--skip-if-unchanged", "Taken, and without effect: what is there is not made again"),
    ],
    has_timeout=True,
    timeout_ms=300_000,
    switches={"format": TEXT, "skip_if_unchanged": SWITCH},
    arity=(0, 1),
    defaults={"format": "json"},
    validate=_check_import,
    banner=_import_banner,
)
def import_definitions(call: Call) -> Output:
    call.ask("definitions.import_", text=_text_of(call))
    if call.options.get("formatter") == "json":
        return DONE
    return None if call.is_quiet else Rows([ANSWER.rstrip("\n")])


def _text_of(call: Call) -> str:
    """Raises: ToolError."""
    is_erlang = call.options["format"] == "erlang"
    if not call.arguments:
        if not is_erlang:
            return call.streams.stdin.read()
        binary = getattr(call.streams.stdin, "buffer", None)
        read = binary.read() if binary is not None else call.streams.stdin.read().encode()
        return _decoded(read)
    path = call.arguments[0]
    try:
        octets = Path(path).read_bytes()
    except FileNotFoundError:
        problem = f"Parent directory or file {path} does not exist"
    except NotADirectoryError:
        problem = f"Parent directory of file {path} is not a directory"
    except PermissionError:
        problem = f"No permissions to read from file {path} or its parent directory"
    except IsADirectoryError:
        problem = f"Path {path} is a directory"
    except OSError as error:
        problem = f"Could not read from file {path}: {error.strerror}"
    else:
        if not octets:
            raise FailedError(f"File {path} is zero-sized", EX_DATA)
        if is_erlang:
            return _decoded(octets)
        return octets.decode("utf-8", "replace")
    raise FailedError(problem, EX_DATA)
