from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from broker.cli.config_command import config_command


def run(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    code = config_command([str(word) for word in argv], {})
    done = capsys.readouterr()
    return code, done.out, done.err


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    path = tmp_path / "rabbitmq.conf"
    path.write_text("heartbeat = 30\ndefault_pass = geheim\nnet_ticktime = 60\n")
    return path


def test_settings_that_are_good(capsys: pytest.CaptureFixture[str], conf: Path) -> None:
    code, out, err = run(capsys, "check", "--config", conf)
    assert (code, out) == (0, f"{conf}: good\n")
    assert err == (
        f"warning: {conf}:3: 'net_ticktime' is accepted without effect: it is about Erlang's"
        " runtime, which is not here\n"
    )
    assert run(capsys, "check") == (0, "there are no files of settings: good\n", "")


def test_all_that_is_wrong(capsys: pytest.CaptureFixture[str], conf: Path) -> None:
    conf.write_text("hartbeat = 1\nchannel_max = x\n")
    other = conf.with_name("leveret.yaml")
    other.write_text("a: 1\n")
    code, out, err = run(capsys, "check", "--config", conf, "--config", other)
    assert (code, out) == (65, "")
    assert err.splitlines() == [
        f"error: {conf}:1: unknown key 'hartbeat'; did you mean 'heartbeat'?",
        f"error: {conf}:2: 'channel_max' must be a whole number, not 'x'",
        f"error: {other}:1: unknown setting 'a'",
    ]
    assert run(capsys, "show", "--config", conf)[:2] == (65, "")
    assert run(capsys, "convert", conf)[:2] == (65, "")


def test_variables_are_looked_at_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert config_command(["check"], {"RABBITMQ_SSL_VERIFY": "x"}) == 65
    assert capsys.readouterr().err.startswith("error: RABBITMQ_SSL_VERIFY is set but deprecated")


def test_what_a_start_would_use(capsys: pytest.CaptureFixture[str], conf: Path) -> None:
    code, out, _ = run(capsys, "show", "--config", conf, "--port", "1")
    assert code == 0
    assert out.splitlines() == [
        f"heartbeat: 30  # {conf}:1",
        f"default_pass: '********'  # {conf}:2",
        "listeners.tcp:  # --port",
        "  default: '1'",
    ]
    _, out, _ = run(capsys, "show", "--config", conf, "--format", "conf")
    assert f"heartbeat = 30  # {conf}:1\n" in out
    _, out, _ = run(capsys, "show", "--all", "--format", "json", "--config", conf)
    document = json.loads(out)
    assert document["channel_max"] == {"value": 2047, "source": "default", "live": True}
    assert document["data_dir"]["value"]
    assert "geheim" not in out


def test_one_format_becomes_the_other(
    capsys: pytest.CaptureFixture[str], conf: Path, tmp_path: Path
) -> None:
    assert run(capsys, "convert", conf)[:2] == (0, "heartbeat: 30\ndefault_pass: geheim\n")
    target = tmp_path / "leveret.yaml"
    code, out, err = run(capsys, "convert", conf, target)
    assert (code, out) == (0, "")
    assert "'net_ticktime' is accepted without effect" in err
    assert target.read_text() == "heartbeat: 30\ndefault_pass: geheim\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600  # there is a password in it
    assert run(capsys, "convert", target)[:2] == (0, "heartbeat = 30\ndefault_pass = geheim\n")
    assert run(capsys, "convert", conf, "--to", "conf")[1].startswith("heartbeat = 30\n")
    terms = tmp_path / "advanced.config"
    terms.write_text("[{rabbit, [{heartbeat, 30}, {cluster_nodes, []}]}].")
    assert run(capsys, "convert", terms, tmp_path / "x.conf")[0] == 0
    assert (tmp_path / "x.conf").read_text() == "heartbeat = 30\n"


def test_what_is_there_already_stays(
    capsys: pytest.CaptureFixture[str], conf: Path, tmp_path: Path
) -> None:
    target = tmp_path / "leveret.yaml"
    target.write_text("heartbeat: 1\n")
    said = f"error: {target} is there already: --force replaces it\n"
    code, _, err = run(capsys, "convert", conf, target)
    assert code == 73
    assert err.endswith(said)
    assert target.read_text() == "heartbeat: 1\n"
    assert run(capsys, "convert", conf, target, "--force")[0] == 0
    assert target.read_text() == "heartbeat: 30\ndefault_pass: geheim\n"
    assert run(capsys, "convert", conf, "-")[:2] == (0, target.read_text())


def test_what_cannot_be_converted_is_listed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "leveret.yaml"
    path.write_text('default_pass: "a\\nb"\nheartbeat: 5\n')
    code, out, err = run(capsys, "convert", path)
    assert (code, out) == (0, "heartbeat = 5\n")
    assert err == "warning: 'default_pass' cannot be written into a rabbitmq.conf\n"


def test_a_file_that_cannot_be_written(capsys: pytest.CaptureFixture[str], conf: Path) -> None:
    code, _, err = run(capsys, "convert", conf, "/nope/x.yaml")
    assert code == 73
    assert err.endswith("error: /nope/x.yaml: No such file or directory\n")
    code, _, err = run(capsys, "convert", "/nope/x.conf")
    assert (code, err) == (
        65,
        "error: /nope/x.conf: cannot be read: No such file or directory\n",
    )
