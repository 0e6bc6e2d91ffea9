"""The pages of docs/concepts: their programs run as a reader would run them, their names exist.

Every ```python block of a page is a program that asserts what the page says and ends by itself.
Each runs in a process of its own, with a broker of its own where 5672 is meant; a few at a time.
With LEVERET_CONFORMANCE_PORT they run against any broker, RabbitMQ for one.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from broker.amqp.methods import METHODS
from broker.config import settings
from broker.policies.settings import SETTINGS
from broker.queues.arguments import CONSUMER_ARGUMENTS, QUEUE_ARGUMENTS
from broker.settings import is_numbered
from tests.conformance.programs.running import Program, broker_port

ROOT = Path(__file__).parents[2]
CONCEPTS = ROOT / "docs" / "concepts"
HELPERS = Path(__file__).parent / "programs"
PAGES = sorted(path for path in CONCEPTS.glob("*.md") if path.name != "README.md")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md")])
AT_A_TIME = 3

PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
SETTING = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+|[a-z]+(?:_[a-z0-9]+)+")
ARGUMENT = re.compile(r"\bx-[a-z]+(?:-[a-z]+)*\b")
WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
METHOD_NAMES = {  # QueueDeclareOk → queue.declare-ok
    WORD.sub("-", method.__name__).lower().replace("-", ".", 1) for method in METHODS.values()
}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix()
)


class Ended(NamedTuple):
    """How a program ended. exit_code: None: it had to be stopped."""

    exit_code: int | None
    description: str


def programs_of(page: Path) -> list[str]:
    return PROGRAM.findall(page.read_text())


def prose_of(document: Path) -> str:
    return FENCED.sub("", document.read_text())


def run(program: str, path: Path) -> Ended:
    """Run one program to its end. path: where to write it."""
    with ExitStack() as running:
        port = running.enter_context(broker_port()) if "localhost" in program else 0
        path.write_text(program.replace("5672", str(port)))
        env = {
            "LEVERET_PORT": str(port),  # pika's default, by what is in the first folder
            "PYTHONPATH": os.pathsep.join(map(str, (HELPERS / "old_pika", ROOT))),
        }
        command = [sys.executable, "-W", "error", path]
        started = running.enter_context(Program(command, cwd=path.parent, env=env))
        try:
            started.ends(exit_code=None)
        except AssertionError as error:
            return Ended(None, str(error))
        return Ended(started.exit_code, started.describe())


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Path, list[Future[Ended]]]]:
    """Page → what becomes of its programs; all of them are on their way."""
    scratch = tmp_path_factory.mktemp("concepts")
    pool = ThreadPoolExecutor(AT_A_TIME)
    yield {
        page: [
            pool.submit(run, program, scratch / f"{page.stem}_{number}.py")
            for number, program in enumerate(programs_of(page))
        ]
        for page in PAGES
    }
    pool.shutdown(cancel_futures=True)


@each_page
def test_the_programs_of_a_page_do_what_it_says(
    page: Path, ended: dict[Path, list[Future[Ended]]]
) -> None:
    assert ended[page], "a page without a program"
    for number, program in enumerate(programs_of(page)):
        assert re.search(r"^ *assert ", program, re.MULTILINE), f"program {number} checks nothing"
    for future in ended[page]:
        exit_code, description = future.result()
        assert exit_code == 0, description


def test_the_index_has_every_page() -> None:
    linked = set(LINK.findall((CONCEPTS / "README.md").read_text()))
    assert {page.name for page in PAGES} <= linked


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    missing = [
        target
        for target in LINK.findall(prose_of(document))
        if not re.match(r"[a-z]+:", target) and not leads_somewhere(document, target)
    ]
    assert not missing


def leads_somewhere(document: Path, target: str) -> bool:
    """Whether a file is there, and in it the heading, if one is meant."""
    name, _, heading = target.partition("#")
    path = document.parent / name if name else document
    if not path.exists():
        return False
    titles = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE) if heading else []
    return not heading or heading in map(anchor_of, titles)


def anchor_of(title: str) -> str:
    """What GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@each_page
def test_settings_that_a_page_names_exist(page: Path) -> None:
    """What looks like a setting is one; or a method, or a name in the source or the program."""
    named = {name for name in CODE.findall(prose_of(page)) if SETTING.fullmatch(name)}
    text = "\n".join([source(), *programs_of(page)])
    assert not {name for name in named if not is_setting(name) and not is_name(name, text)}


def is_setting(name: str) -> bool:
    return any(
        name == key or (is_numbered(entry) and name.startswith(f"{key}."))
        for key, _, entry in settings()
    )


def is_name(name: str, text: str) -> bool:
    """Whether it is something else than a setting that is not there."""
    families = {key.partition(".")[0] for key, _, _ in settings() if "." in key}
    first, dot, _ = name.partition(".")
    if dot and first in families:
        return False
    if name.startswith("rabbitmq_"):  # a plugin of RabbitMQ's
        return True
    return name in METHOD_NAMES or re.search(rf"\b{re.escape(name)}\b", text) is not None


@each_page
def test_arguments_that_a_page_names_exist(page: Path) -> None:
    """Arguments of queues and consumers are in their tables; others, and headers, in the source."""
    known = QUEUE_ARGUMENTS.keys() | CONSUMER_ARGUMENTS.keys() | {f"x-{name}" for name in SETTINGS}
    named = {name for code in CODE.findall(prose_of(page)) for name in ARGUMENT.findall(code)}
    assert not {name for name in named - known if f'"{name}' not in source()}


@functools.cache
def source() -> str:
    return "\n".join(path.read_text() for path in sorted((ROOT / "broker").rglob("*.py")))
