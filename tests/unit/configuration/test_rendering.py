from __future__ import annotations

import json
from pathlib import Path

import pytest

from broker.config import Config, override
from broker.configuration.rendering import as_conf, as_json, as_yaml, changed, settings_in
from broker.sections import MASK
from tests.support.configuring import built

VALUES: dict[str, object] = {
    "heartbeat": 5,
    "connection_max": 7,
    "channel_max_per_node": None,
    "management.login_failures_max": None,
    "management.cors.max_age": None,
    "fast_path": False,
    "default_user": "",
    "default_pass": "it's #1 \\ $(x) ",
    "default_vhost": "encrypted:x",
    "loopback_users": ("a.b", "c"),
    "default_user_tags": (),
    "listeners.tcp": (("default", "1"), ("2", "::1:2")),
    "listeners.ssl": (("", "5671"),),
    "auth_mechanisms": (),
    "auth_backends": (("1.authn", "internal"), ("1.authz", "http")),
    "default_users": (("a.password", "x"),),
    "interceptors": ("x", "y"),
    "vm_memory_high_watermark.relative": 1e-08,
    "data_dir": "/a b",
    "ssl_options.sni.certfile": (("*.example.com", "/dev/null"),),
}


def configured(*left_out: str) -> Config:
    config = Config()
    for key, value in VALUES.items():
        if key not in left_out:
            config = override(config, key, value)
    return config


def test_what_is_written_as_yaml_is_read_as_it_was(tmp_path: Path) -> None:
    config = configured()
    again = built(tmp_path, as_yaml(changed(config)), "x.yaml")
    assert again.finished() == config


def test_what_is_written_as_a_rabbitmq_conf_is_read_as_it_was(tmp_path: Path) -> None:
    config = override(configured("default_pass"), "default_pass", "it's #1 $(x) ")
    lost: list[str] = []
    text = as_conf(changed(config), lost)
    assert lost == []
    again = built(tmp_path, text)
    wanted = override(config, "listeners.ssl", (("1", "5671"),))  # has a name there
    assert again.finished() == wanted
    assert "loopback_users.a\\.b = true" in text
    assert "connection_max = 7" in text
    assert "auth_backends.1.authn = internal" in text
    assert "management.login_failures_max = none" in text
    assert "default_pass = 'it\\'s #1 $(x) '" in text


def test_infinity_is_rabbitmqs(tmp_path: Path) -> None:
    building = built(tmp_path, "connection_max = infinity\n")
    shown = settings_in(building.config, {"connection_max": "x"}, everything=False)
    assert as_conf(shown) == "connection_max = infinity  # x\n"


@pytest.mark.parametrize("value", ["a\nb", "a\x00", "#it's\\"])
def test_what_a_rabbitmq_conf_cannot_have_is_told(value: str) -> None:
    lost: list[str] = []
    config = override(Config(), "default_pass", value)
    assert as_conf(changed(config), lost) == ""
    assert lost == ["'default_pass' cannot be written into a rabbitmq.conf"]


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    building = built(tmp_path, "default_pass = geheim\ndefault_users.a.password = geheim\n")
    for write in (as_yaml, as_conf, as_json):
        text = write(settings_in(building.config, building.sources, everything=True))
        assert "geheim" not in text
        assert text.count(MASK) == 2 + ("guest" not in text) * 0 + 1  # anonymous_login_pass


def test_places_stand_behind_values(tmp_path: Path) -> None:
    building = built(tmp_path, "listeners.tcp.1 = 1\n\nheartbeat = 5\n")
    shown = list(settings_in(building.config, building.sources, everything=False))
    assert as_yaml(shown) == (
        f"heartbeat: 5  # {tmp_path}/rabbitmq.conf:3\n"
        f"listeners.tcp:  # {tmp_path}/rabbitmq.conf:1\n  '1': '1'\n"
    )
    document = json.loads(as_json(shown))
    assert document["heartbeat"] == {
        "value": 5,
        "source": f"{tmp_path}/rabbitmq.conf:3",
        "live": True,
    }
    assert document["listeners.tcp"]["value"] == {"1": "1"}
    everything = list(settings_in(building.config, building.sources, everything=True))
    assert json.loads(as_json(everything))["channel_max"]["source"] == "default"


def test_passwords_of_uris_are_not_shown() -> None:
    config = override(Config(), "auth_http.user_path", "http://me:hush@host/user")
    found = settings_in(config, {"auth_http.user_path": "x.conf:1"}, everything=False)
    assert [one.value for one in found] == [f"http://me:{MASK}@host/user"]
