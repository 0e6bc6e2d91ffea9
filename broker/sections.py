"""How settings are declared: each is an attribute of a section, and sections make a tree.

A section is like a frozen dataclass of keywords. It is none, because making one compiles half a
dozen functions: 30 of them were a third of the time that a broker takes to start in a test. And
what it shows of itself leaves secrets out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, NoReturn, Self, dataclass_transform

Numbered = tuple[tuple[str, str], ...]  # name and value; a name is empty where a list was given
Check = Callable[[Any], object]  # of one value. Raises: ValueError, "must be …"

MASK = "********"  # in place of what nobody is to see
_IN_URI = r"(://[^\s/:@]*:)[^\s/@]+(?=@)"


class Setting(NamedTuple):
    """One setting as it was declared, by `setting` or `numbered`.

    check: of each value, where it may be given several times; None: it is given once.
    """

    default: Any  # or what makes it
    key: str
    help: str
    unit: str = ""
    bounds: tuple[float, float] = (0, 2**63)
    choices: tuple[str, ...] = ()
    rule: Check | None = None
    check: Check | None = None
    live: bool = False
    secret: bool = False

    def made(self) -> Any:
        return self.default() if callable(self.default) else self.default


class Part(NamedTuple):
    """A section in another one. key: keys in it go on from this; empty: they are whole."""

    kind: type[Section]
    key: str

    def made(self) -> Section:
        return self.kind()


def setting(
    default: Any,
    *,
    key: str,
    help: str,
    unit: str = "",
    bounds: tuple[float, float] = (0, 2**63),
    choices: tuple[str, ...] = (),
    rule: Check | None = None,
    live: bool = False,
    secret: bool = False,
) -> Any:
    """One setting. default: its value, or what makes that for each section anew.

    key: its name in rabbitmq.conf and in the YAML file, dotted, from that of the section on.
    unit: what a number counts; one of bytes may be written as a size. bounds: the least and the
    most a number may be; 0 is allowed where the help says what it means. rule: raises ValueError
    for a text that cannot be used. live: a running node takes another value up. secret: the value
    is shown to nobody.
    """
    return Setting(default, key, help, unit, bounds, choices, rule, None, live, secret)


def numbered(
    default: tuple[str, ...],
    *,
    key: str,
    help: str,
    check: Check = str,
    live: bool = False,
    secret: bool = False,
) -> Any:
    """A setting that may be given several times, as key.1, key.2 or with any other names.

    check: raises ValueError for a value that cannot be used. live, secret: as for `setting`.
    """
    values = tuple(("", value) for value in default)
    return Setting(values, key, help, check=check, live=live, secret=secret)


def part(kind: type[Section], key: str = "") -> Any:
    """A section in a section. key: see `Part`."""
    return Part(kind, key)


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Section:
    """A group of settings, made with keywords; what is not given has its default. It never changes.

    Raises: TypeError for a keyword that is no setting of it.
    """

    declared: ClassVar[dict[str, Setting | Part]] = {}  # by attributes, inherited ones first

    def __init_subclass__(cls) -> None:
        own = {
            name: entry for name, entry in vars(cls).items() if isinstance(entry, (Setting, Part))
        }
        cls.declared = cls.declared | own

    def __init__(self, **values: Any) -> None:
        mine = self.__dict__
        for name, entry in self.declared.items():
            mine[name] = values.pop(name) if name in values else entry.made()
        if values:
            raise TypeError(f"{type(self).__name__} has no {', '.join(values)}")

    def replace(self, **values: Any) -> Self:
        """The section with other values of some attributes. Raises: TypeError."""
        return type(self)(**{**self.__dict__, **values})

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"'{name}' of a section of settings does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"'{name}' of a section of settings does not go")

    def __eq__(self, other: object) -> bool:
        return self.__dict__ == other.__dict__ if type(self) is type(other) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.values()))

    def __repr__(self) -> str:
        """What is not at its default."""
        shown = (
            f"{name}={_shown(entry, value)}"
            for name, entry in self.declared.items()
            if (value := self.__dict__[name]) != entry.made()
        )
        return f"{type(self).__name__}({', '.join(shown)})"


def masked(text: str) -> str:
    """A text without the passwords of URIs that are in it."""
    return re.sub(_IN_URI, rf"\1{MASK}", text)


def _shown(entry: Setting | Part, value: object) -> str:
    return MASK if isinstance(entry, Setting) and entry.secret else masked(repr(value))
