"""`leveretctl bench` is a command like the others; tests/unit/cli/messaging has what it does."""

from __future__ import annotations

import io

from broker.cli.index import find
from broker.cli.main import main
from broker.cli.messaging.bench import OPTIONS


def run(*argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = main(
        ["bench", *argv], tool="leveretctl", stdin=io.StringIO(), stdout=out, stderr=err, environ={}
    )
    return code, out.getvalue(), err.getvalue()


def test_it_has_all_its_options() -> None:
    command = find("bench", "")
    assert command is not None
    assert set(command.switches) == {option.name for option in OPTIONS}


def test_its_page_names_them() -> None:
    code, page, _ = run("--help")
    assert code == 0
    assert all(f"--{option.name.replace('_', '-')}" in page for option in OPTIONS)


def test_wrong_usage() -> None:
    code, out, err = run("--bogus")
    assert (code, out) == (64, "")
    assert "--bogus" in err


def test_nobody_listens() -> None:
    code, _, err = run("--port", "1", "q")
    assert code in (64, 69)
    assert len(err.splitlines()) == 1
