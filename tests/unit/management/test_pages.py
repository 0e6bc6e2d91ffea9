"""The files of the page, and what is no file of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.management.pages import DIRECTORY, TYPES, Pages
from broker.management.request import Refusal, Request


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    root = tmp_path / "page"
    (root / "js").mkdir(parents=True)
    (root / "index.html").write_text("<p>hello")
    (root / "js" / "app.js").write_text("let a;")
    (root / "notes.py").write_text("secret")
    (tmp_path / "outside.html").write_text("secret")
    return Pages(root)


def test_the_root_is_the_index(pages: Pages) -> None:
    root, index = (pages.answer(Request("GET", path)) for path in ("/", "/index.html"))
    assert root.body == index.body == b"<p>hello"
    assert dict(root.headers)["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in dict(root.headers)["content-security-policy"]


def test_a_file_below(pages: Pages) -> None:
    found = pages.answer(Request("GET", "/js/app.js"))
    assert (found.status, found.body) == (200, b"let a;")


def test_what_has_not_changed_is_not_sent_again(pages: Pages) -> None:
    first = pages.answer(Request("GET", "/"))
    tag = dict(first.headers)["etag"]
    again = pages.answer(Request("GET", "/", headers={"if-none-match": tag}))
    assert (again.status, again.body) == (304, b"")
    assert pages.answer(Request("GET", "/", headers={"if-none-match": '"x"'})).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../outside.html",
        "/js/../../outside.html",
        "/%2e%2e/outside.html",
        "/notes.py",
        "/js",
        "//",
    ],
)
def test_nothing_else_is_served(pages: Pages, path: str) -> None:
    with pytest.raises(Refusal) as refused:
        pages.answer(Request("GET", path))
    assert refused.value.status == 404


def test_only_reading(pages: Pages) -> None:
    with pytest.raises(Refusal) as refused:
        pages.answer(Request("POST", "/"))
    assert (refused.value.status, refused.value.headers) == (405, [("allow", "HEAD, GET")])


def test_every_file_of_the_page_has_a_type() -> None:
    unknown = {path.name for path in DIRECTORY.rglob("*") if path.is_file()} - {
        path.name for path in DIRECTORY.rglob("*") if path.suffix in TYPES
    }
    assert {name for name in unknown if not name.startswith("LICENSE")} == set()
