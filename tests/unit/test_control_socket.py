"""Where sockets may be, who is believed, and what a frame is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from broker import control_socket
from broker.control_socket import NODE, SYSTEM_DIRECTORY, TOOL


def test_the_places_in_their_order() -> None:
    own = Path(f"/tmp/leveret-{os.getuid()}")
    assert list(control_socket.directories({})) == [SYSTEM_DIRECTORY, own]
    environment = {"XDG_RUNTIME_DIR": "/run/user/5", "RUNTIME_DIRECTORY": "/run/a:/run/b"}
    assert list(control_socket.directories(environment)) == [
        *(Path("/run/a"), Path("/run/b"), SYSTEM_DIRECTORY, Path("/run/user/5/leveret"), own)
    ]
    assert list(control_socket.directories({"LEVERET_RUN_DIR": "/x", "XDG_RUNTIME_DIR": "/y"})) == [
        Path("/x")
    ]


def test_a_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    place = tmp_path / "run"
    assert control_socket.usable(place)
    assert place.stat().st_mode & 0o777 == 0o700
    assert control_socket.trusted(place)
    assert not control_socket.usable(tmp_path / "no" / "such")
    assert not control_socket.trusted(tmp_path / "no" / "such")


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_one_that_others_may_write_to_is_neither_used_nor_believed(
    tmp_path: Path, mode: int
) -> None:
    place = tmp_path / "run"
    place.mkdir()
    place.chmod(mode)
    assert not control_socket.usable(place)
    assert not control_socket.trusted(place)


def test_nor_is_a_file_or_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for name in ("file", "link"):
        assert not control_socket.usable(tmp_path / name)
        assert not control_socket.trusted(tmp_path / name)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_another_users_directory_is_not_believed(tmp_path: Path) -> None:
    place = tmp_path / "run"
    place.mkdir(mode=0o700)
    os.chown(place, 12345, 12345)
    assert not control_socket.usable(place)
    assert not control_socket.trusted(place)


def test_entries(tmp_path: Path) -> None:
    assert control_socket.entry_of(tmp_path, "rabbit@here") == tmp_path / "rabbit@here.json"
    assert control_socket.entry_of(tmp_path, "../../etc/x").parent == tmp_path
    for name in ("b@here.json", "a@here.json", "1-2.sock"):
        (tmp_path / name).touch()
    assert control_socket.names_in(tmp_path) == ["a@here", "b@here"]
    assert control_socket.names_in(tmp_path / "gone") == []


def test_a_proof_is_of_one_side_one_cookie_and_both_nonces() -> None:
    proofs = {
        control_socket.proof(side, cookie, *nonces)
        for side in (NODE, TOOL)
        for cookie in ("A", "B")
        for nonces in (("1", "2"), ("2", "1"), ("1", "3"))
    }
    assert len(proofs) == 12
    wanted = control_socket.proof(TOOL, "A", "1", "2")
    assert control_socket.is_proof(wanted, wanted)
    for other in ("", wanted[:-1], wanted.upper(), None, 5, [wanted], {"proof": wanted}):
        assert not control_socket.is_proof(other, wanted)
    assert control_socket.nonce() != control_socket.nonce()


def test_a_frame_has_its_length_in_front() -> None:
    octets = control_socket.frame({"do": "größe"})
    assert int.from_bytes(octets[:4], "big") == len(octets) - 4
    assert control_socket.document_of(octets[4:]) == {"do": "größe"}


@pytest.mark.parametrize(
    "payload",
    [b"", b"x", b"[]", b"5", b"null", b"\xff\xfe{}", b"[" * 4000, b'{"a":' * 4000],
    ids=lambda payload: repr(payload[:8]),
)
def test_what_is_no_document(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        control_socket.document_of(payload)


def test_the_greeting_of_a_node_with_a_long_name_is_small_enough() -> None:
    greeting = control_socket.frame({"node": "n" * 255 + "@h", "nonce": control_socket.nonce()})
    assert len(greeting) < control_socket.GREETING_MAX
    assert json.loads(greeting[4:])
