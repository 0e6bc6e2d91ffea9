"""The stand-in for leveretctl's own command line."""

from __future__ import annotations

import pytest

from broker.cli.messaging import pub
from broker.cli.messaging.__main__ import main, parser_of


def test_options_become_a_dict_by_name() -> None:
    words = ["q", "--header", "a=1", "--header", "b=2", "--no-confirm", "-P", "17", "text"]
    parsed = vars(parser_of("pub", pub.OPTIONS).parse_intermixed_args(words))
    assert parsed == {
        "arguments": ["q", "text"],
        "header": ["a=1", "b=2"],
        "no_confirm": True,
        "port": 17,
    }


def test_what_is_no_command_or_no_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 64
    assert main(["nope"]) == 64
    assert "pub, sub, bench" in capsys.readouterr().err
    assert main(["pub", "--nope"]) == 64


def test_a_command_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "-x", "0", "-y", "0"]) == 64
    assert "there is nothing to do" in capsys.readouterr().err
