"""What can be asked of a node, and by which name."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path
from typing import Any, cast

import pytest

from broker.commands import AddVhost
from broker.control import __path__ as places
from broker.control import actions
from broker.control.actions import Asked, find
from broker.control.host import Failure, Host
from tests.support.control import ControlledNode


def test_actions_are_found_by_module_and_name() -> None:
    assert find("users.add_user").needs_app
    assert not find("nodes.ping").needs_app
    assert find("users.list_users").is_stream
    assert not find("users.add_user").is_stream


@pytest.mark.parametrize(
    "name", ["", "users", "users.", ".", ".add_user", "users.nothing", "gone.x", "os.system", "..x"]
)
def test_nothing_else_is(name: str) -> None:
    with pytest.raises(LookupError):
        find(name)


@pytest.mark.parametrize("path", sorted(Path(places[0]).glob("*.py")), ids=lambda path: path.stem)
def test_every_action_says_what_it_does_to_whom(path: Path) -> None:
    importlib.import_module(f"broker.control.{path.stem}")
    for name, action in actions._ACTIONS.items():
        if name.startswith(f"{path.stem}."):
            code = action.function.__code__
            assert code.co_varnames[0] == "asked"


class Stopped:
    node = None


def test_what_an_app_that_is_stopped_can_be_asked() -> None:
    with pytest.raises(Failure, match="the app is not running") as caught:
        Asked(cast(Host, Stopped())).vhost("/")
    assert caught.value.kind == "stopped"


def test_a_change_is_done_when_it_is_on_the_medium(node: ControlledNode) -> None:
    async def change() -> Any:
        return await Asked(node.runtime).execute(AddVhost("done"))

    asyncio.run_coroutine_threadsafe(change(), node._loop).result(10)
    assert "done" in node.lines("list_vhosts")


def test_who_asks_for_what_is_not_there(node: ControlledNode) -> None:
    asked = Asked(node.runtime)
    with pytest.raises(Failure) as caught:
        asked.vhost("nowhere")
    assert (caught.value.kind, caught.value.reason) == ("reason", ("no_such_vhost", "nowhere"))
    with pytest.raises(Failure) as caught:
        asked.user("nobody")
    assert caught.value.reason == ("no_such_user", "nobody")
