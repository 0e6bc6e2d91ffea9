"""Lines of the log: RabbitMQ's text and JSON."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from broker.config import Config, override
from broker.logs.formats import formatter_of

CREATED_S = 1641038400.123456  # 2022-01-01 12:00:00 UTC
PID = f"<0.{os.getpid()}.0>"


@pytest.fixture(autouse=True)
def _one_time_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An hour and a half east of Greenwich, always."""
    monkeypatch.setenv("TZ", "XXX-01:30")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def record(text: str = "opened, peer=%s", *values: object, level: int = 20) -> logging.LogRecord:
    one = logging.LogRecord("broker.connection", level, "/b/connection.py", 7, text, values, None)
    one.created = CREATED_S
    return one


def failed() -> logging.LogRecord:
    one = record("failed", level=40)
    try:
        raise RuntimeError("a\nbug")
    except RuntimeError:
        one.exc_info = sys.exc_info()
    return one


def lines(one: logging.LogRecord, settings: dict[str, Any] | None = None, **more: bool) -> str:
    config = Config()
    for key, value in (settings or {}).items():
        config = override(config, f"log.file.{key}", value)
    return formatter_of(config.log.file_output, **more).format(one)


def test_a_line_is_like_rabbitmqs() -> None:
    wanted = f"2022-01-01 13:30:00.123456+01:30 [info] {PID} opened, peer=10.0.0.1\n"
    assert lines(record("opened, peer=%s", "10.0.0.1")) == wanted


@pytest.mark.parametrize(
    ("wanted", "time_of_line"),
    [
        ("rfc3339_T", "2022-01-01T13:30:00.123456+01:30"),
        ("epoch_secs", "1641038400.123456"),
        ("epoch_usecs", "1641038400123456"),
        ("lager_default", "2022-01-01 13:30:00.123"),
    ],
)
def test_the_time(wanted: str, time_of_line: str) -> None:
    settings = {"formatter.time_format": wanted, "formatter.plaintext.format": "$time|$msg"}
    assert lines(record("x"), settings) == f"{time_of_line}|x\n"


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("lc", "debug info warning error critical"),
        ("uc", "DEBUG INFO WARNING ERROR CRITICAL"),
        ("lc3", "dbg inf wrn err crt"),
        ("uc4", "DBUG INFO WARN ERRO CRIT"),
    ],
)
def test_the_level(wanted: str, names: str) -> None:
    settings = {"formatter.level_format": wanted, "formatter.plaintext.format": "$level"}
    found = [lines(record(level=level), settings).strip() for level in (10, 20, 30, 40, 50)]
    assert found == names.split()


def test_the_format_may_be_another_one() -> None:
    settings = {"formatter.plaintext.format": "100% $domain $msg ($file:$line) $mfa"}
    assert lines(record("x"), settings) == (
        "100% rabbitmq.connection x (connection.py:7) <unknown mfa>\n"
    )


def test_a_peer_cannot_begin_a_line() -> None:
    text = lines(record("user=%s", "a\nINFO b\x1b[0m"))
    assert text.endswith(" user=a\\nINFO b\\x1b[0m\n")
    assert text.count("\n") == 1
    assert lines(record("user=%s", "grün")).endswith(" user=grün\n")


def test_each_line_of_a_traceback_begins_like_the_first() -> None:
    settings = {"formatter.plaintext.format": "[$level] $msg;"}
    first, second, *_, last = lines(failed(), settings).splitlines()
    assert (first, second) == ("[error] failed;", "[error] Traceback (most recent call last):;")
    assert last == "[error] bug;"


def test_a_traceback_may_be_on_the_same_line() -> None:
    text = lines(failed(), {"formatter.single_line": True})
    assert text.count("\n") == 1
    assert " failed, Traceback (most recent call last):, File " in text
    assert text.endswith("RuntimeError: a, bug\n")


def test_colours_are_for_what_matters() -> None:
    assert lines(record("x", level=40), has_colors=True).startswith("\033[38;5;160m2022-")
    assert lines(record("x", level=40), has_colors=True).endswith(" x\033[0m\n")
    assert "\033" not in lines(record("x"), has_colors=True)


def test_a_bare_line_has_the_sentence_only() -> None:
    assert lines(record("x"), is_bare=True) == "x\n"


def test_json_has_rabbitmqs_fields_in_their_order() -> None:
    text = lines(record("user=%s", "a\nb"), {"formatter": "json"})
    assert text.endswith("}\n")
    assert text.count("\n") == 1
    assert list(json.loads(text).items()) == [
        ("time", "2022-01-01 13:30:00.123456+01:30"),
        ("level", "info"),
        ("msg", "user=a\\nb"),
        ("domain", "rabbitmq.connection"),
        ("file", "connection.py"),
        ("line", 7),
        ("pid", PID),
    ]


def test_json_has_a_traceback_in_its_message() -> None:
    message = json.loads(lines(failed(), {"formatter": "json"}))["msg"]
    assert message.startswith("failed\nTraceback (most recent call last):\n")


def test_fields_of_json_are_renamed_ordered_and_left_out() -> None:
    settings = {
        "formatter": "json",
        "formatter.time_format": "epoch_secs",
        "formatter.json.field_map": "level msg:message time:ts gone *:-",
        "formatter.json.verbosity_map": "debug:2 info:1",
    }
    assert list(json.loads(lines(record("x"), settings)).items()) == [
        ("level", "info"),
        ("message", "x"),
        ("ts", 1641038400),
    ]
    settings["formatter.json.field_map"] = "msg pid:- file:- line:- domain:-"
    settings["formatter.time_format"] = "epoch_usecs"
    assert json.loads(lines(record("x"), settings)) == {
        "msg": "x", "level": "info", "time": 1641038400123456, "verbosity": 1
    }  # fmt: skip
    assert "verbosity" not in json.loads(lines(record("x", level=50), settings))


def test_a_second_is_written_once_and_the_next_one_again() -> None:
    formatter = formatter_of(Config().log.file_output)
    one, other = record("x"), record("x")
    other.created = CREATED_S + 1
    again = formatter.format(one), formatter.format(other), formatter.format(one)
    assert again[0] == again[2]
    assert again[1].startswith("2022-01-01 13:30:01.123456+01:30 ")
