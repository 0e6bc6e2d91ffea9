from __future__ import annotations

import re
from importlib.metadata import version

import broker
from broker.version import __version__


def test_the_version_is_one_that_packages_may_have() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+([a-z]+\d+)?", __version__)
    assert broker.__version__ == __version__
    assert version("leveret") == __version__
