"""One node for the tests of the tools that leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.control import ControlledNode


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlledNode]:
    with ControlledNode(tmp_path_factory.mktemp("node")) as controlled:
        yield controlled
