"""Values of configuration files that only a passphrase makes readable."""

from __future__ import annotations

from typing import Any

from broker.amqp.erlang import Atom
from broker.cli.algorithms import CIPHERS, hashes
from broker.cli.command import CONFIGURATION, INTEGER, NOTHING, TEXT, Call, Output, Said, command
from broker.cli.errors import FailedError, InvalidError, bad_argument
from broker.cli.passwords import asked
from broker.configuration.encrypted_values import (
    DEFAULT_CIPHER,
    DEFAULT_HASH,
    DEFAULT_ITERATIONS,
    EncryptionError,
)
from broker.configuration.encrypted_values import decode as decode_term
from broker.configuration.encrypted_values import encode as encode_term
from broker.configuration.erlang_terms import read_terms

ENCRYPTED = "encrypted"
UNREADABLE = (
    "Failed to decrypt the value. Things to check: is the passphrase correct? Are the cipher and"
    " hash algorithms the same as those used for encryption?"
)
USAGE = "value passphrase [--cipher <cipher>] [--hash <hash>] [--iterations <iterations>]"
TOPICS = (
    ("value", 'An Erlang term: "text", <<"text">>, an_atom'),
    ("passphrase", "Without one it is asked for"),
    ("--cipher <cipher>", f"One of list_ciphers ({DEFAULT_CIPHER})"),
    ("--hash <hash>", f"One of list_hashes ({DEFAULT_HASH})"),
    ("--iterations <iterations>", f"How often the passphrase is hashed ({DEFAULT_ITERATIONS})"),
)
FACTS: dict[str, Any] = {
    "section": CONFIGURATION,
    "topics": TOPICS,
    "switches": {"cipher": TEXT, "hash": TEXT, "iterations": INTEGER},
    "arity": (0, 2),
    "defaults": {
        "cipher": DEFAULT_CIPHER,
        "hash": DEFAULT_HASH,
        "iterations": DEFAULT_ITERATIONS,
    },
    "needs": NOTHING,
    "formatter": "erlang",
}


def _check(call: Call, stop: str, more: str) -> None:
    """stop, more: what two texts end with in one of the commands. Raises: InvalidError."""
    if call.options["cipher"] not in CIPHERS:
        raise bad_argument(f"The requested cipher is not supported{stop}")
    if call.options["hash"] not in hashes():
        raise bad_argument("The requested hash is not supported")
    if call.options["iterations"] <= 0:
        raise bad_argument(f"The requested number of iterations is incorrect{more}")


def _check_decode(call: Call) -> None:
    if not call.arguments:
        text = "not enough arguments: Please provide a value to decode and a passphrase"
        raise InvalidError(text)
    _check(call, "", " (must be a positive integer)")


def _argument(call: Call, number: int, prompt: str) -> str:
    """Raises: FailedError: it is nowhere."""
    if len(call.arguments) > number:
        return call.arguments[number]
    found = asked(call.streams, prompt, is_quiet=call.is_quiet)
    if found is None:
        raise FailedError("not_enough_args")
    return found


def _how(call: Call) -> dict[str, Any]:
    options = call.options
    return {
        "cipher": options["cipher"],
        "hash_name": options["hash"],
        "iterations": options["iterations"],
    }


def _term(text: str) -> Any:
    """Raises: ValueError."""
    (found,) = read_terms(f"{text}.")
    return found


@command(
    "encode",
    usage=f"encode {USAGE}",
    description="Encrypts a value of a configuration file",
    validate=lambda call: _check(call, ".", ""),
    banner="Encrypting value ...",
    **FACTS,
)
def encode(call: Call) -> Output:
    value = _argument(call, 0, "Value to encode: ")
    passphrase = _argument(call, 1, "Passphrase: ")
    try:
        found = encode_term(_term(value), passphrase, **_how(call))
    except EncryptionError as error:
        raise FailedError(str(error)) from None
    except ValueError:
        raise FailedError("Error during cipher operation") from None
    return Said((Atom(ENCRYPTED), found))


@command(
    "decode",
    usage=f"decode {USAGE}",
    description="Decrypts a value of a configuration file",
    validate=_check_decode,
    banner="Decrypting value...",
    **FACTS,
)
def decode(call: Call) -> Output:
    text = call.arguments[0]
    passphrase = _argument(call, 1, "Passphrase: ")
    try:
        return Said(decode_term(_hidden(text), passphrase, **_how(call)))
    except ValueError as error:
        is_lacking = "pip install" in str(error)  # which is not the passphrase's fault
        raise FailedError(str(error) if is_lacking else UNREADABLE) from None


def _hidden(text: str) -> str | bytes:
    """Of a term, or as it stands in a rabbitmq.conf. Raises: ValueError."""
    if text.startswith(f"{ENCRYPTED}:"):
        return text.removeprefix(f"{ENCRYPTED}:")
    term = _term(text)
    if isinstance(term, tuple) and len(term) == 2 and term[0] == ENCRYPTED:
        term = term[1]
    if isinstance(term, (str, bytes)):
        return term
    raise ValueError("no text")
