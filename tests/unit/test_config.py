from __future__ import annotations

import pytest

from broker.config import Config, ConfigError, override, parse_size, settings


def test_every_setting_has_a_key_a_help_and_is_read_by_its_key() -> None:
    keys = [key for key, _, _ in settings()]
    assert len(set(keys)) == len(keys)
    for key, path, entry in settings():
        value: object = Config()
        for name in path:
            value = getattr(value, name)
        assert entry.help.endswith(".")
        assert override(Config(), key, value) == Config()


def test_overriding_one_setting_leaves_the_others_and_the_original() -> None:
    config = Config()
    changed = override(config, "heartbeat", 5)
    assert changed.limits.heartbeat_s == 5
    assert config.limits.heartbeat_s == 60
    assert changed.listeners == config.listeners
    assert override(changed, "heartbeat", 60) == config


@pytest.mark.parametrize(
    ("key", "nearest"),
    [("hartbeat", "heartbeat"), ("frame_maximum", "frame_max"), ("default_password", "default_")],
)
def test_an_unknown_key_names_the_nearest(key: str, nearest: str) -> None:
    with pytest.raises(ConfigError, match=f"unknown setting '{key}'; did you mean '{nearest}"):
        override(Config(), key, "x")


def test_a_key_that_is_like_no_other_names_none() -> None:
    with pytest.raises(ConfigError, match=r"unknown setting 'zzzzzz'$"):
        override(Config(), "zzzzzz", 1)


@pytest.mark.parametrize(
    ("key", "value", "attribute", "expected"),
    [
        ("heartbeat", "30", "limits.heartbeat_s", 30),
        ("heartbeat", 30, "limits.heartbeat_s", 30),
        ("fast_path", "off", "fast_path", False),
        ("fast_path", "Yes", "fast_path", True),
        ("fast_path", False, "fast_path", False),
        ("loopback_users", "none", "loopback_users", ()),
        ("loopback_users", "guest, alice", "loopback_users", ("guest", "alice")),
        ("loopback_users", ["alice"], "loopback_users", ("alice",)),
        ("loopback_users", "", "loopback_users", ()),
        ("default_user", 5, "defaults.user", "5"),
        ("log.level", "debug", "log.level", "debug"),
        ("vm_memory_high_watermark.relative", "0.00000001", "alarms.memory_relative", 1e-08),
        ("vm_memory_high_watermark.relative", 0, "alarms.memory_relative", 0.0),
        ("vm_memory_high_watermark.absolute", "1GB", "alarms.memory_absolute", 10**9),
        ("vm_memory_high_watermark.absolute", "", "alarms.memory_absolute", None),
        ("vm_memory_high_watermark.absolute", "none", "alarms.memory_absolute", None),
        ("vm_memory_high_watermark.absolute", None, "alarms.memory_absolute", None),
        ("disk_free_limit.absolute", 1000, "alarms.disk_absolute", 1000),
        ("max_message_size", "1MiB", "limits.max_message_size", 1024 * 1024),
    ],
)
def test_values_are_converted(key: str, value: object, attribute: str, expected: object) -> None:
    found: object = override(Config(), key, value)
    for name in attribute.split("."):
        found = getattr(found, name)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("heartbeat", "soon", "'heartbeat' must be a number, not 'soon'"),
        ("heartbeat", -1, "'heartbeat' must be at least 0"),
        ("heartbeat", 65536, "'heartbeat' must be at most 65535"),
        ("heartbeat", None, "must be a number"),
        ("heartbeat", 1.5, "must be a number"),
        ("frame_max", 4095, "'frame_max' must be at least 4096"),
        ("listeners.tcp.default", 70000, "must be at most 65535"),
        ("fast_path", "maybe", "'fast_path' must be true or false, not 'maybe'"),
        ("loopback_users", 5, "'loopback_users' must be a list, not 5"),
        ("log.level", "loud", "'log.level' must be one of debug, info, notice, warning"),
        ("vm_memory_high_watermark.relative", "half", "must be a number, not 'half'"),
        ("vm_memory_high_watermark.relative", None, "must be a number, not None"),
        ("vm_memory_high_watermark.relative", "1.01", "must be at most 1"),
        ("vm_memory_high_watermark.relative", -0.1, "must be at least 0"),
        ("vm_memory_high_watermark.relative", "nan", "must be at least 0"),
        ("disk_free_limit.relative", "inf", "must be at most"),
        ("disk_free_limit.absolute", "1.5GB", "must be a size like 512MiB, not '1.5GB'"),
        ("disk_free_limit.absolute", "", "must be a size like 512MiB, not ''"),
        ("disk_free_limit.absolute", -1, "must be a size like 512MiB, not -1"),
        ("frame_max", "1K", "'frame_max' must be at least 4096"),
    ],
)
def test_values_that_cannot_be_used(key: str, value: object, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        override(Config(), key, value)


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("0", 0),
        ("500000", 500_000),
        (" 500000 ", 500_000),
        *((f"3{unit}", 3 * 1024) for unit in ("k", "K", "kiB", "KiB", "kib", "KIB", "Ki")),
        *((f"3{unit}", 3 * 1000) for unit in ("kB", "KB", "kb", "Kb")),
        *((f"3{unit}", 3 * 1024**2) for unit in ("m", "M", "MiB", "mib", "MIB", "Mi")),
        *((f"3{unit}", 3 * 1000**2) for unit in ("MB", "mb", "Mb")),
        *((f"3{unit}", 3 * 1024**3) for unit in ("g", "G", "GiB", "gib", "GIB", "Gi")),
        *((f"3{unit}", 3 * 1000**3) for unit in ("GB", "gb", "Gb")),
        ("3TiB", 3 * 1024**4),
        ("3TB", 3 * 1000**4),
        ("3PiB", 3 * 1024**5),
        ("3PB", 3 * 1000**5),
    ],
)
def test_sizes_are_written_as_for_rabbitmq(text: str, octets: int) -> None:
    assert parse_size(text) == octets


@pytest.mark.parametrize(
    "text",
    ["", "GB", "-1", "+1", "1.5GB", "1 GB", "1B", "1iB", "1GBs", "1e9", "1_000", "٣", "0x10"],
)
def test_what_is_not_a_size(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_size(text)
