"""What holds for each command that is made of a messaging command."""

from __future__ import annotations

import io
from collections.abc import Sequence

from broker.cli.index import find
from broker.cli.main import main
from broker.cli.messaging.options import Option


class Entered:
    """The tests of one of them. name: as it is called; options: those of its work."""

    name: str
    options: Sequence[Option]

    def run(self, *argv: str) -> tuple[int, str, str]:
        out, err, none = io.StringIO(), io.StringIO(), io.StringIO()
        code = main(
            [self.name, *argv], tool="leveretctl", stdin=none, stdout=out, stderr=err, environ={}
        )
        return code, out.getvalue(), err.getvalue()

    def test_it_has_all_its_options(self) -> None:
        command = find(self.name, "")
        assert command is not None
        assert set(command.switches) == {option.name for option in self.options}

    def test_its_page_names_them(self) -> None:
        code, page, _ = self.run("--help")
        assert code == 0
        assert all(f"--{option.name.replace('_', '-')}" in page for option in self.options)

    def test_wrong_usage(self) -> None:
        code, out, err = self.run("--bogus")
        assert (code, out) == (64, "")
        assert "--bogus" in err

    def test_nobody_listens(self) -> None:
        code, _, err = self.run("--port", "1", "q")
        assert code in (64, 69)
        assert len(err.splitlines()) == 1
