"""What the walk consists of: cases (one request each) and acts (something done over AMQP)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from tests.conformance.http.stage import Stage

ABSENT: Any = object()  # no body at all
PREFIX = "hw-"  # of every vhost, user and global parameter: the broker may have others
PASSWORD = "secret"
LABEL_MAX = 160  # characters of a body in a case's name

# name: (tags, permissions in the vhost of each section: configure, write, read; None: none)
EVERYTHING = (".*", ".*", ".*")
USERS: dict[str, tuple[str, tuple[str, str, str] | None]] = {
    "hw-none": ("", EVERYTHING),
    "hw-other": ("impersonator", EVERYTHING),
    "hw-management": ("management", EVERYTHING),
    "hw-policymaker": ("policymaker", EVERYTHING),
    "hw-monitoring": ("monitoring", EVERYTHING),
    "hw-administrator": ("administrator", None),
    "hw-outsider": ("management", None),
    "hw-outside-monitoring": ("monitoring", None),
    "hw-outside-policymaker": ("policymaker", None),
    "hw-both": ("monitoring,policymaker", EVERYTHING),
    "hw-limited": ("management", ("^own", "^own|^shared", "^own|^readable")),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One request, and what of its answer counts.

    path: below /api, or with `//` at its front from the root; percent-encoded. `<a>` stands for the
    connection `a` of the section's stage, `<node>` for the node.
    body: text and octets go as they are, anything else as JSON.
    user: "" sends no credentials; "name:password" those. keep: "all" of the answer, its "shape"
    (types for values), its "status" with the headers, or the "items" of the list that are ours,
    by name. is_unordered: the order of the list does not count.
    """

    method: str
    path: str
    body: Any = ABSENT
    user: str = "guest"
    headers: tuple[tuple[str, str], ...] = ()
    keep: str = "all"
    is_unordered: bool = False

    @property
    def label(self) -> str:
        """Its name in the recording; those of one section with the same label are numbered."""
        parts = [self.user or "nobody", self.method, self.path]
        parts += [f"{name}: {value}" for name, value in self.headers]
        if self.body is not ABSENT:
            text = self.body
            if isinstance(text, bytes):
                text = text.decode("latin-1")
            elif not isinstance(text, str):
                text = json.dumps(text, ensure_ascii=False)
            if len(text) > LABEL_MAX:
                text = f"{text[:LABEL_MAX]}… ({len(text)})"
            parts.append(text)
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Act:
    """Something between two cases that is no request."""

    run: Callable[[Stage], None]


@dataclass(frozen=True, slots=True)
class Settled:
    """Cases about statistics: asked again and again until the answers stay as they are."""

    cases: tuple[Case, ...]


Step = Case | Act | Settled


@dataclass(frozen=True, slots=True)
class Section:
    """Steps in their order. vhost: made for it beforehand, with the permissions of USERS.

    is_alone: it tells of, or changes, the broker as a whole; not played on one that is shared.
    """

    name: str
    steps: list[Step]
    is_alone: bool = False

    @property
    def vhost(self) -> str:
        return f"{PREFIX}{self.name}"

    def cases(self) -> list[tuple[str, Case]]:
        """All of them, in order, by what they are called in the recording."""
        found: list[tuple[str, Case]] = []
        seen: dict[str, int] = {}
        for step in self.steps:
            if isinstance(step, Act):
                continue
            for case in step.cases if isinstance(step, Settled) else (step,):
                number = seen[case.label] = seen.get(case.label, 0) + 1
                found.append((case.label if number == 1 else f"{case.label} #{number}", case))
        return found


def at(*parts: str) -> str:
    """A path of its parts, each percent-encoded."""
    return "".join(f"/{quote(part, safe='<>')}" for part in parts)


def get(path: str, **options: Any) -> Case:
    return Case("GET", path, **options)


def head(path: str, **options: Any) -> Case:
    return Case("HEAD", path, **options)


def put(path: str, body: Any = ABSENT, **options: Any) -> Case:
    return Case("PUT", path, body, **options)


def post(path: str, body: Any = ABSENT, **options: Any) -> Case:
    return Case("POST", path, body, **options)


def delete(path: str, body: Any = ABSENT, **options: Any) -> Case:
    return Case("DELETE", path, body, **options)


def options(path: str, **more: Any) -> Case:
    return Case("OPTIONS", path, **more)
