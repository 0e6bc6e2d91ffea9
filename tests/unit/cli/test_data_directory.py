from __future__ import annotations

from pathlib import Path

import pytest

from broker.cli.data_directory import IN_MEMORY, named, path_of

OPTIONS = {"data_dir": "/a", "mnesia_dir": "/b"}
ENVIRONMENT = {"LEVERET_DATA_DIR": "/c", "RABBITMQ_MNESIA_DIR": "/d"}  # the latter does not count


def test_who_says_it_last_says_it() -> None:
    options, environment = dict(OPTIONS), dict(ENVIRONMENT)
    found = []
    for given in (options, options, environment):
        found.append(named(options, environment))
        del given[next(iter(given))]
    assert found == ["/a", "/b", "/c"]
    assert named(options, environment) == ""


@pytest.mark.parametrize(("name", "path"), [("/a", Path("/a")), ("", None), (IN_MEMORY, None)])
def test_a_node_in_memory_has_no_directory(name: str, path: Path | None) -> None:
    assert path_of(name) == path
