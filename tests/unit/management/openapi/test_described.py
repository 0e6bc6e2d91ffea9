"""Every route is described, and nothing that is no route."""

from __future__ import annotations

import importlib
import pkgutil

import jsonschema
import pytest

from broker.management import api
from broker.management.openapi.described import CHAPTERS, NEEDS, described, shapes
from broker.management.openapi.forms import Operation, Schema
from broker.management.routes import ROUTES

for module in pkgutil.iter_modules(api.__path__):
    importlib.import_module(f"{api.__name__}.{module.name}")

THERE = {(route.path, method) for route in ROUTES.all() for method in route.endpoints}
TOLD = {
    (path, method): operation
    for chapter in CHAPTERS
    for path, operations in chapter.PATHS.items()
    for method, operation in operations.items()
}
each_operation = pytest.mark.parametrize(
    "operation", TOLD.values(), ids=[f"{method} {path}" for path, method in TOLD]
)


def test_every_route_is_described() -> None:
    assert THERE - set(TOLD) == set(), "say what it does, in a table of broker/management/openapi"


def test_nothing_is_described_that_is_no_route() -> None:
    assert set(TOLD) - THERE == set()


def test_the_tables_do_not_speak_of_one_path_twice() -> None:
    assert sum(len(chapter.PATHS) for chapter in CHAPTERS) == len({path for path, _ in TOLD})
    assert sum(len(chapter.SHAPES) for chapter in CHAPTERS) == len(shapes())


def test_they_come_chapter_by_chapter() -> None:
    found = list(described(ROUTES))
    assert {(one.route.path, one.method) for one in found} == THERE
    tags = [one.chapter.TAG for one in found]
    assert list(dict.fromkeys(tags)) == [chapter.TAG for chapter in CHAPTERS]
    assert sorted(tags, key=[chapter.TAG for chapter in CHAPTERS].index) == tags


def test_who_may_ask_is_said() -> None:
    assert {endpoint.needs for route in ROUTES.all() for endpoint in route.endpoints.values()} <= (
        set(NEEDS)
    )


@each_operation
def test_a_summary_is_a_line(operation: Operation) -> None:
    assert 3 <= len(operation.summary) <= 70
    assert operation.summary[0].isupper()
    assert not operation.summary.endswith(".")
    assert not operation.about or operation.about.endswith(".")


@each_operation
def test_an_example_is_what_its_body_may_be(operation: Operation) -> None:
    if operation.body is None:
        assert operation.example is None
        return
    schema = {**operation.body, "components": {"schemas": shapes()}}
    if operation.example is not None:
        jsonschema.Draft202012Validator(schema).validate(operation.example)
    else:  # it is a form
        assert "application/json" not in operation.media


@each_operation
def test_something_is_said_of_what_comes(operation: Operation) -> None:
    assert operation.answers
    assert all(
        answer.about.endswith((".", operation.summary)) for answer in operation.answers.values()
    )


@pytest.mark.parametrize(("name", "shape"), shapes().items(), ids=shapes())
def test_a_shape_is_a_schema_that_says_what_it_is(name: str, shape: Schema) -> None:
    jsonschema.Draft202012Validator.check_schema(shape)
    assert shape["description"].endswith(".")


def test_every_shape_is_named_somewhere() -> None:
    used = {name for name in shapes() if f"#/components/schemas/{name}'" in str((TOLD, shapes()))}
    named_by_answers = {"Reason"}
    assert set(shapes()) - used - named_by_answers == set()
