"""The files of the page: nothing from outside, no script in markup, every licence there."""

from __future__ import annotations

import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "broker" / "management" / "page"
FILES = sorted(path for path in PAGE.rglob("*") if path.is_file())
OURS = [path for path in FILES if "vendor" not in path.parts]
SCRIPTS = [path for path in OURS if path.suffix == ".js"]
# Markup in a string would be one concatenation away from a hostile queue name.
MARKUP_SINKS = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "srcdoc")
RUNS_TEXT = (
    r"\beval\s*\(",
    r"\bnew Function\b",
    r"\bset(?:Timeout|Interval)\(\s*[\"'`]",
    r"javascript:",
)


def named(path: Path) -> str:
    return path.relative_to(PAGE).as_posix()


each_file = pytest.mark.parametrize("path", OURS, ids=named)
each_script = pytest.mark.parametrize("path", SCRIPTS, ids=named)


class Markup(HTMLParser):
    """What index.html loads, and whether every tag is closed."""

    VOID = {"meta", "link", "img", "br", "input"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.attributes: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            self.attributes.append(name)
            if name in ("src", "href") and tag != "a":
                self.loaded.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            self.inline.append(data.strip())


@pytest.fixture(scope="module")
def index() -> Markup:
    markup = Markup()
    markup.feed((PAGE / "index.html").read_text(encoding="utf-8"))
    return markup


def test_the_page_is_well_formed_and_loads_files_that_are_there(index: Markup) -> None:
    assert index.open == []
    assert index.loaded
    for address in index.loaded:
        assert (PAGE / address).is_file(), f"{address} is not there"


def test_no_script_and_no_style_is_in_the_markup(index: Markup) -> None:
    assert not [text for text in index.inline if text]
    assert not [name for name in index.attributes if name.startswith("on") or name == "style"]


@each_file
def test_nothing_comes_from_outside(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"'`)]*", text))
    assert not addresses - {"http://www.w3.org/2000/svg"}
    assert "@import" not in text


@each_script
def test_a_script_writes_no_markup_and_runs_no_text(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not [sink for sink in MARKUP_SINKS if sink in text]
    assert not [pattern for pattern in RUNS_TEXT if re.search(pattern, text)]


@each_script
def test_a_script_says_what_it_is_and_imports_what_is_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("// ")
    for wanted in re.findall(r"from \"(\.[^\"]+)\"", text):
        assert (path.parent / wanted).is_file(), f"{wanted} is not there"


def test_every_route_has_its_view() -> None:
    routes = (PAGE / "js" / "router.js").read_text(encoding="utf-8")
    views = set(re.findall(r"\[\"/[^\"]*\", \"(\w+)\"\]", routes))
    assert views == {path.stem for path in (PAGE / "js" / "views").glob("*.js")}


def test_every_colour_is_chosen_in_one_place() -> None:
    for path in OURS:
        if path.suffix == ".css" and path.name != "base.css":
            found = re.findall(r":[^;{}]*#[0-9a-f]{3,8}\b", path.read_text(encoding="utf-8"))
            assert not found, path.name


def test_every_vendored_library_has_its_licence() -> None:
    libraries = [path for path in (PAGE / "vendor").iterdir() if path.is_dir()]
    assert libraries
    for library in libraries:
        assert "Copyright" in (library / "LICENSE").read_text(encoding="utf-8")


def test_the_package_ships_every_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["broker"]
    shipped = {path for pattern in patterns for path in (ROOT / "broker").glob(pattern)}
    assert not set(FILES) - shipped
