"""What RabbitMQ's schema says of values; asked of its own reader (cuttlefish 3.0.1)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from broker.configuration.rabbitmq_keys import all_keys
from broker.configuration.values import checked


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "+5", 5),
        ("integer", "05", 5),
        ("integer", "-5", -5),
        ("enum:x,y", "x", "x"),
        ("flag", "on", "true"),
        ("flag", "off", "false"),
        ("bytesize", "1GB", 1_073_741_824),
        ("bytesize", "1mb", 1_048_576),
        ("bytesize", "10kb", 10_240),
        ("bytesize", "10KB", 10_240),
        ("bytesize", "1.5GB", 1_610_612_736),
        ("bytesize", "100", 100),
        ("duration:ms", "1h", 3_600_000),
        ("duration:ms", "1h30m", 5_400_000),
        ("duration:ms", "1.5s", 1_500),
        ("duration:ms", "1d", 86_400_000),
        ("duration:ms", "1w2d", 777_600_000),
        ("duration:ms", "1f", 1_209_600_000),
        ("duration:ms", "20ms", 20),
        ("float", "0.4", 0.4),
        ("integer|ip", "127.0.0.1:5672", "127.0.0.1:5672"),
        ("integer|ip", "::1:5672", "::1:5672"),
        ("integer|ip", "5672", 5672),
        ("list", "a, b", "a, b"),
        ("enum:infinity|integer", "infinity", "infinity"),
        ("enum:infinity|integer", "7", 7),
        ("enum:infinity|integer!non_negative_integer", "infinity", "infinity"),
        ("integer|string!is_supported_information_unit", "500MiB", "500MiB"),
        ("integer|string!is_supported_information_unit", "500", 500),
        ("string", "any thing", "any thing"),
        ("string!uri", "http://x:1/y", "http://x:1/y"),
        ("string!uri!https_uri", "https://x", "https://x"),
        ("string!is_ip", "::", "::"),
        ("string!valid_regex", "^a+$", "^a+$"),
        ("float!less_than_1", "0.5", 0.5),
        ("integer!byte", "255", 255),
        ("integer!port", "1", 1),
        ("integer!max_message_size", "536870912", 536_870_912),
    ],
)
def test_good_values(kind: str, text: str, value: object) -> None:
    found = checked(kind, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        ("integer", "5.0", "must be a whole number, not '5.0'"),
        ("integer", "0x10", "must be a whole number, not '0x10'"),
        ("integer", "1_000", "must be a whole number"),
        ("integer", "٣", "must be a whole number"),
        ("enum:x,y", "X", "must be one of x, y, not 'X'"),
        ("enum:true,false", "yes", "must be true or false, not 'yes'"),
        ("enum:none", "x", "must be none, not 'x'"),
        ("flag", "true", "must be on or off, not 'true'"),
        ("flag", "On", "must be on or off"),
        ("bytesize", "1g", "must be a size like 512MB, not '1g'"),
        ("bytesize", "1Mb", "must be a size"),
        ("bytesize", "1MiB", "must be a size"),
        ("bytesize", "1 GB", "must be a size"),
        ("bytesize", "10TB", "must be a size"),
        ("duration:ms", "10", "must be a time like 90s or 1h30m, not '10'"),
        ("float", ".5", "must be a number like 0.4, not '.5'"),
        ("float", "nan", "must be a number"),
        ("integer|ip", "localhost:5672", "must be a whole number or an IP address"),
        ("integer|ip", "x", "must be a whole number or a port or address:port, not 'x'$"),
        ("enum:infinity|integer", "none", "must be infinity or a whole number, not 'none'"),
        ("integer!non_negative_integer", "-1", "must be at least 0, not -1"),
        ("integer!non_zero_positive_integer", "0", "must be at least 1, not 0"),
        ("integer!byte", "256", "must be from 0 to 255, not 256"),
        ("integer!port", "65535", "must be a port, not 65535"),
        ("float!less_than_1", "1.0", "must be between 0 and 1, not 1.0"),
        ("float!less_than_1", "0.0", "must be between 0 and 1, not 0.0"),
        ("integer!max_message_size", "536870913", "must be from 1 to 536870912"),
        ("bytesize!mirroring_sync_batch_size", "0", "must be from 1 to 1000000"),
        ("integer|string!is_supported_information_unit", "1 pound", "must be a size like 500MB"),
        ("string!is_ip", "localhost", "must be an IP address, not 'localhost'"),
        ("string!uri", "x", "must be a URL, not 'x'"),
        ("string!uri!https_uri", "http://x", "must be a URL with https"),
        ("string!valid_regex", "(", r"must be a regular expression, not '\('"),
        ("string!file_accessible", "/nope", "must be a file that can be read, not '/nope'"),
        ("string!dir_writable", "/nope", "must be a directory that can be written to"),
    ],
)
def test_bad_values(kind: str, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        checked(kind, text)


def test_files_and_directories(tmp_path: Path) -> None:
    assert checked("string!dir_writable", str(tmp_path)) == str(tmp_path)
    assert checked("string!file_accessible", os.devnull) == os.devnull


def test_every_kind_of_every_key_can_be_checked() -> None:
    words = ("integer", "float", "string", "list", "flag", "bytesize", "ip", "duration:ms")
    for known in all_keys():
        for one in known.kind.partition("!")[0].split("|"):
            assert one in words or one.startswith("enum:"), known
        for text in ("1", "none", "true", "/nope", "127.0.0.1:80", "https://x/"):
            try:
                checked(known.kind, text)
            except ValueError as error:
                assert str(error).startswith("must be ")  # noqa: PT017 - most of them cannot be
