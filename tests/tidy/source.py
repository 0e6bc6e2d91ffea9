"""The broker's source as the tidy tests see it."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
BROKER = ROOT / "broker"


class Module(NamedTuple):
    """One file. path: below broker/, "session/channel.py"; name: "broker.session.channel"."""

    path: str
    name: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return _parse(self.text)

    @property
    def unit(self) -> str:
        """What the layer table calls it: its package, or its own name at the top."""
        first = self.path.partition("/")[0]
        return first.removesuffix(".py")

    def imports(self) -> Iterator[tuple[str, int]]:
        """Every module that is imported anywhere in the file, and the line."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.name, node.lineno
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.path}:{node.lineno}: a relative import"
                assert node.module is not None
                yield node.module, node.lineno
                for alias in node.names:  # `from broker.session import channel_methods`
                    yield f"{node.module}.{alias.name}", node.lineno

    def functions(self) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
        """Every function with its qualified name."""
        yield from _functions(self.tree, "")


@functools.cache
def _parse(text: str) -> ast.Module:
    return ast.parse(text)


def _functions(
    parent: ast.AST, prefix: str
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield f"{prefix}{node.name}", node
            yield from _functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")
        else:
            yield from _functions(node, prefix)


def modules() -> list[Module]:
    """All files of the broker, sorted."""
    found = []
    for path in sorted(BROKER.rglob("*.py")):
        below = path.relative_to(BROKER)
        parts = ["broker", *below.with_suffix("").parts]
        if parts[-1] == "__init__":
            parts.pop()
        found.append(Module(below.as_posix(), ".".join(parts), path.read_text()))
    return found


def benches_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The scenarios that `@hot` names for it."""
    return [
        keyword.value.value
        for decorator in function.decorator_list
        if isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Name)
        and decorator.func.id == "hot"
        for keyword in decorator.keywords
        if keyword.arg == "bench" and isinstance(keyword.value, ast.Constant)
    ]
