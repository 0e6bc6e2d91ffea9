"""The reference for people."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from broker.management.openapi.page import render
from broker.management.routes import GET, PUT, VHOST, Endpoint, Routes

VOID = {"meta", "link", "br", "img", "wbr"}


class Reader(HTMLParser):
    """What the page is made of. Raises: AssertionError, for an element that is not closed."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.links: list[str] = []
        self.elements: set[str] = set()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert value is not None
            if name == "id":
                assert value not in self.names
                self.names.add(value)
            if name in ("href", "src"):
                self.links.append(value)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def page() -> str:
    table = Routes()
    for method in (GET, PUT):
        table.add("/queues/:vhost/:queue", method, Endpoint(lambda _: None, VHOST, None))
    return render(table)


def test_a_path_has_a_row_with_its_methods(page: str) -> None:
    row = page.partition("<code>/api/<wbr>queues/<wbr><i>vhost</i>/<wbr><i>queue</i></code>")
    marks = row[0].rpartition("<tr>")[2]
    assert marks.count("✓") == 2
    text = row[2].partition("</tr>")[0]
    assert "<b>GET</b>: A queue. For users with permissions" in text
    assert '→ <a href="#WholeQueue">WholeQueue</a>' in text
    assert "&quot;durable&quot;: true" in text


def test_it_loads_nothing_and_links_to_what_is_there(page: str) -> None:
    read = Reader(page)
    assert not read.elements & {"script", "link", "img", "iframe"}
    for link in read.links:
        assert link == "openapi.json" or link.removeprefix("#") in read.names


def test_shapes_are_tables(page: str) -> None:
    queue = page.partition('<h3 id="WholeQueue">')[2].partition("</table>")[0]
    assert "<code><b>name</b></code>" in queue
    assert "<code>messages</code>" in queue
    assert 'list of <a href="#Consumer">Consumer</a>' in queue
