"""Definitions into a file and out of one; the recordings of RabbitMQ's tools have more."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path

import pytest

from tests.support.control import ControlledNode


@pytest.mark.parametrize("kind", ["json", "erlang"])
def test_what_goes_out_comes_in_again(node: ControlledNode, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "definitions"
    assert node.tool("add_vhost", "näme").code == 0
    value = '{"a":[1,-5,300,1.5,true,null,"ü"],"n":12345678901234567890}'
    assert node.tool("set_global_parameter", "odd", value).code == 0
    said = node.tool("export_definitions", str(path), "--format", kind)
    shown = {"json": "JSON", "erlang": "Erlang term format"}[kind]
    assert said == (0, f'Exporting definitions in {shown} to a file at "{path}" ...\n', "")
    assert node.tool("delete_vhost", "näme").code == 0
    assert node.tool("clear_global_parameter", "odd").code == 0
    said = node.tool("-q", "import_definitions", str(path), "--format", kind)
    assert said == (0, "", "")
    assert "näme" in node.lines("list_vhosts")
    own = node.runtime.node
    assert own is not None
    assert own.global_parameters["odd"] == json.loads(value)


def test_erlangs_form_is_that_of_rabbitmq(node: ControlledNode, tmp_path: Path) -> None:
    """A map, its keys atoms, strings binaries: deflated."""
    path = tmp_path / "definitions"
    assert node.tool("export_definitions", str(path), "--format", "erlang").code == 0
    octets = path.read_bytes()
    assert octets[:2] == bytes([131, 80])
    plain = zlib.decompress(octets[6:])
    assert len(plain) == int.from_bytes(octets[2:6], "big")
    assert plain.startswith(b"t")
    assert b"d\x00\x05users" in plain
    assert b"m\x00\x00\x00\x05guest" in plain


@pytest.mark.parametrize("octets", [b"{}", b"\x83", b"\x83P\xff\xff\xff\xff", b"\x83t\0\0\0\1"])
def test_what_is_no_such_term_is_refused(
    node: ControlledNode, tmp_path: Path, octets: bytes
) -> None:
    path = tmp_path / "definitions"
    path.write_bytes(octets)
    said = node.tool("-q", "import_definitions", str(path), "--format", "erlang")
    assert said.code == 65
    assert said.err == (
        "Error:\nFailed to deserialise input (format: Erlang term format) (error: "
        '"errors were found at the given arguments:\\n\\n'
        '  * 1st argument: invalid external representation of a term\\n")\n'
    )


def test_terms_that_are_no_definitions_are_refused(node: ControlledNode, tmp_path: Path) -> None:
    path = tmp_path / "definitions"
    for octets, reason in (
        (b"\x83j", "no map"),
        (b"\x83h\1a\5", "a tuple is not among definitions"),
    ):
        path.write_bytes(octets)
        said = node.tool("-q", "import_definitions", str(path), "--format", "erlang")
        assert said.code == 65
        assert said.err.endswith(f"(format: Erlang term format) (error: {reason})\n")


def test_out_and_in_again(node: ControlledNode, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    assert node.tool("add_vhost", "kept").code == 0
    assert node.tool("export_definitions", str(path)) == (
        0,
        f'Exporting definitions in JSON to a file at "{path}" ...\n',
        "",
    )
    assert os.listdir(tmp_path) == ["out.json"]
    assert node.tool("delete_vhost", "kept").code == 0
    assert node.tool("import_definitions", str(path)).code == 0
    assert "kept" in node.lines("list_vhosts")
    said = node.tool("export_definitions", "-")
    assert json.loads(said.out) == json.loads(path.read_text())


def test_from_standard_input(node: ControlledNode) -> None:
    said = node.tool("-q", "import_definitions", stdin='{"vhosts":[{"name":"größe"}]}')
    assert said == (0, "", "")
    assert "größe" in node.lines("list_vhosts")


@pytest.mark.parametrize(
    ("text", "code", "error"),
    [
        ("{not", 65, '(format: JSON) (error: {:unexpected_token, "not"})'),
        ("{", 65, "(error: :unexpected_end_of_buffer)"),
        ("[" * 100_000, 65, "Failed to deserialise input"),
        ("[]", 70, "Error:\n{:badmap, []}\n"),
        ('{"queues":[{"name":"q","vhost":"no"}]}', 65, "Virtual host 'no' does not exist"),
        ('{"users":5}', 69, ""),
        ("x" * 10_000, 65, "Failed to deserialise input"),
    ],
)
def test_what_cannot_come_in(
    node: ControlledNode, tmp_path: Path, text: str, code: int, error: str
) -> None:
    path = tmp_path / "in.json"
    path.write_text(text)
    said = node.tool("-q", "import_definitions", str(path))
    assert error in said.err
    assert said.code == code
    assert len(said.err) < 500


def test_files_that_cannot_be_used(node: ControlledNode, tmp_path: Path) -> None:
    for argv, error in (
        (("export_definitions", f"{tmp_path}/no/x"), f"Directory {tmp_path}/no does not exist"),
        (("export_definitions", str(tmp_path)), f"Could not write to file {tmp_path}"),
        (("export_definitions", "-", "--format", "xml"), "Format should be either json or erlang"),
        (("import_definitions", f"{tmp_path}/no"), f"File {tmp_path}/no does not exist"),
        (("import_definitions", str(tmp_path)), f"Path {tmp_path} is a directory"),
        (("import_definitions", "/dev/null"), "File /dev/null is zero-sized"),
    ):
        said = node.tool(*argv)
        assert said.code == 65
        assert error in said.err
    assert os.listdir(tmp_path) == []
