"""The process of a node; what its tools see of it is in tests/unit/control and tests/unit/cli."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import pytest

from broker.boot import EMBEDDED, default_node_name
from broker.config import Config, override
from broker.control.host import DATA_ERROR, Failure
from broker.log_output import LogOutput
from broker.plugins import PluginsError, disabling, read
from broker.runtime import Runtime, name_of
from broker.store.errors import StoreInUse
from broker.store.store import IDENTITY
from tests.support.control import ControlledNode


def test_one_that_is_stopped_while_its_app_is(tmp_path: Path) -> None:
    with ControlledNode(tmp_path) as node:
        assert node.tool("stop_app").code == 0
        assert not (node.data_dir / "node.json").exists()
        assert (node.root / "pid").read_text() == f"{os.getpid()}\n"
        assert node.tool("stop").code == 0
        node.wait_for_the_end()
    assert not (tmp_path / "pid").exists()
    assert not (tmp_path / "data" / "control.json").exists()
    assert not (tmp_path / "ready.json").exists()


def test_the_log_tells_once_that_the_app_was_stopped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with ControlledNode(tmp_path) as node:
        assert [node.tool("stop_app").code, node.tool("stop_app").code] == [0, 0]
        assert node.tool("start_app").code == 0
    assert caplog.messages.count("stopping the app, node=rabbit@here") == 1
    places = [line for line in caplog.messages if line.startswith(" database dir   : ")]
    assert len(places) == 2, "each start says where its data are"


def test_a_second_one_leaves_the_files_of_the_first(tmp_path: Path) -> None:
    with ControlledNode(tmp_path) as first:
        files = [first.root / "pid", first.data_dir / "control.json", first.root / "ready.json"]
        before = [path.read_text() for path in files]
        with pytest.raises(StoreInUse, match="in use"), ControlledNode(tmp_path):
            pass
        assert [path.read_text() for path in files] == before
        assert first.tool("-q", "ping").code == 0


def test_the_name_that_a_data_directory_has(tmp_path: Path) -> None:
    config = override(Config(), "data_dir", str(tmp_path))
    for text in ("", "[]", "{}", "nonsense"):
        (tmp_path / IDENTITY).write_text(text)
        assert name_of(config) == default_node_name()
    (tmp_path / IDENTITY).write_text('{"node": "kept@here"}')
    assert name_of(config) == "kept@here"
    assert name_of(override(config, "node_name", "given@here")) == "given@here"


def config_in(directory: Path) -> Config:
    config = Config()
    for key, value in (EMBEDDED | {"data_dir": str(directory)}).items():
        config = override(config, key, value)
    return config


def runtime_in(directory: Path, **given: object) -> Runtime:
    config = config_in(directory)
    return Runtime(
        config,
        log_output=LogOutput(config.log, "rabbit@here", directory=directory),
        environment={"HOME": str(directory)},
        **given,  # type: ignore[arg-type]
    )


def test_plugins_are_chosen_before_there_is_a_broker(tmp_path: Path) -> None:
    given = tmp_path / "given"
    runtime = runtime_in(tmp_path, plugins_file=given, plugins=["rabbitmq_sharding"])
    assert (runtime.enabled_plugins, runtime.active_plugins) == ({"rabbitmq_sharding"}, [])
    assert runtime.enabled_plugins_file == str(given)
    asyncio.run(runtime.change_plugins(lambda explicit: disabling(explicit, ["rabbitmq_sharding"])))
    assert read(given) == runtime.enabled_plugins == frozenset()
    given.write_text("nonsense")
    with pytest.raises(Failure) as caught:
        asyncio.run(runtime.change_plugins(lambda explicit: explicit))
    assert caught.value.code == DATA_ERROR
    with pytest.raises(PluginsError):
        runtime_in(tmp_path, plugins_file=given)


def test_who_has_gone_meanwhile_leaves_nothing_half_done(tmp_path: Path) -> None:
    async def run() -> None:
        runtime = runtime_in(tmp_path)
        await runtime.start_app()
        asked = asyncio.ensure_future(runtime.stop_app())
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await runtime.stop_app()  # it waits for the other
        assert runtime.broker is None
        assert runtime.listening == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


def test_a_hang_up_while_the_app_is_stopped_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reloaded = []
    runtime = runtime_in(tmp_path, reload=lambda *given, **named: reloaded.append(given))
    runtime.on_hang_up()
    assert caplog.messages == ["settings are not read again while the app is stopped"]
    assert reloaded == []
    runtime_in(tmp_path).on_hang_up()
    assert len(caplog.messages) == 1
