from __future__ import annotations

import pytest

from broker.configuration.arguments import FLAGS, build_parser
from broker.configuration.building import setting_keys
from broker.version import __version__


def test_flags_are_settings() -> None:
    arguments = build_parser().parse_args([])
    for name, key in FLAGS.items():
        assert getattr(arguments, name) is None
        assert key in setting_keys() or key.removesuffix(".default") in setting_keys()


def test_what_may_be_given_several_times() -> None:
    arguments = build_parser().parse_args(["--config", "a", "--set", "b=1", "--config", "c"])
    assert (arguments.config, arguments.set) == (["a", "c"], ["b=1"])
    assert build_parser().parse_args([]).config == []


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        build_parser().parse_args(["--version"])
    assert capsys.readouterr().out == f"leveret {__version__}\n"
