"""Reads the lines of a rabbitmq.conf.

    # a comment                        key = value     # the end of a line is one, too
    key.with.parts = value             key = 'a value with # and spaces around '
    include other.conf                 key = $(other.key)
    include conf.d/*.conf              key = $(</run/secrets/password)

The rules are those of RabbitMQ's reader: of a key that is given twice the last value counts, `\\.`
is a dot inside of a part of a key, a value cannot be empty, `include` looks beside the file that
has it and takes no notice of files that are not there. As in RabbitMQ 3.13, single quotes around
the whole of a value make it literal; 3.10 had them in the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from broker.configuration.building import Building, Entry, Place

INCLUDES_MAX = 20  # files that include one another
REFERENCES_MAX = 20  # keys whose values stand within one another's
VALUE_MAX = 1024 * 1024  # letters, with what stands in it
FILE_MAX = 16 * 1024 * 1024  # octets
_LINE = re.compile(r"\s*([^\s=#'\"]+)\s*=\s*(.*?)\s*", re.DOTALL)
_INCLUDE = re.compile(r"\s*include\s+([^=#]+?)\s*(?:#.*)?")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'\s*(?:#.*)?")
_FILE = re.compile(r"\$\(\s*<(.+)\)")
_REFERENCE = re.compile(r"\$\(([^<()]+)\)")


def text_of(path: Path) -> str:
    """What a file of settings has in it. Raises: ValueError, one line for the user."""
    try:
        if path.is_file() and path.stat().st_size > FILE_MAX:
            raise ValueError("is larger than 16 MiB")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None


def read(path: Path, building: Building) -> list[Entry]:
    """The entries of a file and of those that it includes, in order; what is wrong is noted."""
    return list(_read(path, building, ()))


def _read(path: Path, building: Building, above: tuple[Path, ...]) -> Iterator[Entry]:
    try:
        text = text_of(path)
    except ValueError as error:
        building.refuse(path, str(error))
        return
    for number, line in enumerate(text.split("\n"), 1):
        place = Place(str(path), number)
        line = line.removesuffix("\r")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        included = _INCLUDE.fullmatch(line)
        if included:
            yield from _include(path, included[1], place, building, above)
            continue
        try:
            yield _entry(line, place)
        except ValueError as error:
            building.refuse(place, str(error))


def _include(
    path: Path, pattern: str, place: Place, building: Building, above: tuple[Path, ...]
) -> Iterator[Entry]:
    if path in above or len(above) >= INCLUDES_MAX:
        building.refuse(place, "files include one another")
        return
    pattern = pattern.strip("'\"")
    rooted = Path(pattern)
    base = Path(rooted.anchor) if rooted.is_absolute() else path.parent
    try:
        found = sorted(
            base.glob(str(rooted.relative_to(rooted.anchor) if rooted.anchor else rooted))
        )
    except (ValueError, IndexError, NotImplementedError):  # IndexError: "/"
        building.refuse(place, f"'{pattern}' is no name of a file")
        return
    for one in found:
        if one.is_file():
            yield from _read(one, building, (*above, path))


def _entry(line: str, place: Place) -> Entry:
    """Raises: ValueError."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError("must be 'key = value'")
    key, value = found.groups()
    if "" in key.split("."):
        raise ValueError(f"'{key}' has an empty part")
    quoted = _QUOTED.fullmatch(value)
    if quoted:
        return Entry(key, quoted[1].replace("\\'", "'"), place, is_literal=True)
    value = value.partition("#")[0].rstrip()
    if not value:
        raise ValueError(f"'{key}' has no value")
    if any(letter < " " and letter != "\t" for letter in value):
        raise ValueError(f"'{key}' has a control character in its value")
    return Entry(key, value, place)


def expanded(entries: Iterable[Entry], building: Building) -> list[Entry]:
    """The entries that count, with what other keys and files say in place of `$(…)`."""
    last = {entry.key: entry for entry in entries}
    done: list[Entry] = []
    for entry in last.values():
        try:
            done.append(entry._replace(value=_expand(entry, last, ())))
        except ValueError as error:
            building.refuse(entry.place, str(error))
    return done


def _expand(entry: Entry, last: dict[str, Entry], above: tuple[str, ...]) -> str:
    """Raises: ValueError."""
    text = str(entry.value)
    if entry.is_literal:
        return text
    if entry.key in above:
        raise ValueError(f"'{above[0]}' stands for itself")
    if len(above) > REFERENCES_MAX:
        raise ValueError(f"'{above[0]}' stands for too many keys, one within the other")
    file = _FILE.fullmatch(text)
    if file:
        try:
            return text_of(Path(file[1])).strip()
        except ValueError as error:
            raise ValueError(f"'{entry.key}': {file[1]} {error}") from None

    def value_of(found: re.Match[str]) -> str:
        wanted = found[1].strip()
        if wanted not in last:
            raise ValueError(
                f"'{entry.key}' substitution requires a config variable '{wanted}' to be set"
            )
        return _expand(last[wanted], last, (*above, entry.key))

    found = _REFERENCE.sub(value_of, text)
    if len(found) > VALUE_MAX:  # each of a few lines may double it
        raise ValueError(f"'{entry.key}' has a value that is too long")
    return found
