"""Where a cookie comes from, and what may be one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from broker import cookie
from broker.cookie import NAME, Cookie, CookieError


def written(directory: Path, octets: bytes, mode: int = 0o400) -> Path:
    path = directory / NAME
    path.write_bytes(octets)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o700])
@pytest.mark.parametrize("octets", [b"SECRET", b"SECRET\n", b"SECRET \r\n", b"SECRET\nmore"])
def test_the_first_line_is_the_cookie(tmp_path: Path, octets: bytes, mode: int) -> None:
    path = written(tmp_path, octets, mode)
    assert cookie.read(path) == Cookie("SECRET", path)


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o620, 0o666])
def test_others_may_not_get_at_it(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path, b"SECRET", mode)
    with pytest.raises(CookieError, match=f"Cookie file {path} must be accessible by owner only"):
        cookie.read(path)


@pytest.mark.parametrize(
    ("octets", "problem"),
    [
        (b"", "is empty"),
        (b"\nSECRET", "is empty"),
        (b"   ", "is empty"),
        (b"x" * 256, "is longer than 255 characters"),
        (b"x" * 100_000, "is longer than 255 characters"),
        (b"a\x00b", "cannot be printed"),
        (b"\xff\xfe", "is not text"),
    ],
)
def test_what_is_no_cookie(tmp_path: Path, octets: bytes, problem: str) -> None:
    with pytest.raises(CookieError, match=problem):
        cookie.read(written(tmp_path, octets))


def test_the_longest_is_taken(tmp_path: Path) -> None:
    assert len(cookie.read(written(tmp_path, b"x" * 255)).secret) == 255


def test_only_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(CookieError, match="is not a file"):
        cookie.read(tmp_path / NAME)
    os.mkfifo(tmp_path / "pipe", 0o600)  # nobody writes: it must not be waited for
    with pytest.raises(CookieError, match="is not a file"):
        cookie.read(tmp_path / "pipe")


def test_a_new_one_is_for_its_owner_alone(tmp_path: Path) -> None:
    made = cookie.of_node("", [tmp_path])
    assert made.path == tmp_path / NAME
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o400
    assert len(made.secret) == 20
    assert made.secret.isupper()
    assert cookie.of_node("", [tmp_path]) == made
    assert os.listdir(tmp_path) == [NAME]


def test_who_is_second_takes_that_of_the_first(tmp_path: Path) -> None:
    path = written(tmp_path, b"FIRST")
    assert cookie.make(path).secret == "FIRST"
    assert os.listdir(tmp_path) == [NAME]


def test_one_that_is_there_counts_wherever_it_is(tmp_path: Path) -> None:
    home, data = tmp_path / "home", tmp_path / "data"
    home.mkdir()
    data.mkdir()
    written(data, b"KEPT")
    assert cookie.of_node("", [home, data]).secret == "KEPT"
    written(home, b"HOME")
    assert cookie.of_node("", [home, data]).secret == "HOME"
    assert cookie.of_node("GIVEN", [home, data]) == Cookie("GIVEN", None)


def test_a_bad_one_is_not_passed_over(tmp_path: Path) -> None:
    """Else a node would come up with another cookie than the tools of its user have."""
    written(tmp_path, b"SECRET", 0o644)
    with pytest.raises(CookieError, match="owner only"):
        cookie.of_node("", [tmp_path, tmp_path / "other"])


def test_it_is_made_where_it_can_be(tmp_path: Path) -> None:
    made = cookie.of_node("", [tmp_path / "gone", tmp_path / "file" / "x", tmp_path])
    assert made.path == tmp_path / NAME


def test_there_is_no_place_for_it(tmp_path: Path) -> None:
    with pytest.raises(CookieError, match="there is no home directory"):
        cookie.of_node("", [])
    gone = tmp_path / "gone"
    with pytest.raises(CookieError, match=f"cannot make cookie file {gone}.*: No such file"):
        cookie.of_node("", [gone, tmp_path / "gone too"])


def test_that_of_a_tool(tmp_path: Path) -> None:
    path = written(tmp_path, b"HOME")
    assert cookie.of_tool(None, tmp_path, None) == Cookie("HOME", path)
    assert cookie.of_tool(None, None, path) == Cookie("HOME", path)
    assert cookie.of_tool("GIVEN", tmp_path, path) == Cookie("GIVEN", None)
    assert cookie.of_tool(None, tmp_path / "gone", None) is None
    assert cookie.of_tool(None, None, None) is None
    with pytest.raises(CookieError, match="the cookie in the options is empty"):
        cookie.of_tool("", tmp_path, None)


def test_the_home_directory() -> None:
    assert cookie.home_directory({"HOME": "/home/me"}) == Path("/home/me")
    assert cookie.home_directory({"HOME": ""}) is None
    assert cookie.home_directory({}) is None
