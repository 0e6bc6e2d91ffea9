"""Scenarios by name: what `@scenario` collects, how they are played, where transcripts are kept."""

from __future__ import annotations

import importlib
import json
import pkgutil
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from tests.conformance import scenarios as scenario_package
from tests.conformance.wire_client import EndedError, Play, Target

TRANSCRIPTS = Path(__file__).parent / "transcripts"

Body = Callable[[Play], None]


@dataclass(frozen=True)
class Scenario:
    """One conversation. name: the function's; module: the topic, also the transcript file's stem.

    stage: "core" is compared by default; "features" is recorded for later; "quirks" are RabbitMQ's
    own crashes (541, or the socket just closed), recorded as facts: a broker may well do better.
    slow: waits for seconds, played beside the others. needs: what the target must offer: {"users"}.
    """

    name: str
    module: str
    body: Body
    stage: str = "core"
    slow: bool = False
    needs: frozenset[str] = frozenset()

    def play(self, target: Target) -> list[list[Any]]:
        """Returns: the transcript. Never raises for what the broker did."""
        play = Play(target, self.name)
        if target.is_dead:
            play.record("", "!", "no connection", {"error": "the broker stopped answering"})
            return play.events
        try:
            self.body(play)
        except EndedError:
            play.record("", "!", "ended early", {})
        except OSError as error:
            play.record("", "!", "no connection", {"error": type(error).__name__})
        except (AssertionError, LookupError, ValueError, struct.error) as error:
            # A reply of another kind than the scenario was written for.
            play.record("", "!", "ended early", {"error": repr(error)})
        finally:
            play.finish()
        return play.events


SCENARIOS: dict[str, Scenario] = {}


@overload
def scenario(body: Body, /) -> Body: ...
@overload
def scenario(
    *, stage: str = ..., slow: bool = ..., needs: set[str] = ...
) -> Callable[[Body], Body]: ...
def scenario(
    body: Body | None = None,
    /,
    *,
    stage: str = "core",
    slow: bool = False,
    needs: set[str] = frozenset(),  # type: ignore[assignment]
) -> Any:
    """Register a function as a scenario of its module."""

    def register(body: Body) -> Body:
        name = body.__name__
        module = body.__module__.rpartition(".")[2]
        assert name not in SCENARIOS, f"two scenarios are called {name}"
        SCENARIOS[name] = Scenario(name, module, body, stage, slow, frozenset(needs))
        return body

    return register if body is None else register(body)


def load() -> dict[str, Scenario]:
    """Import every topic. Returns: all scenarios, in order of definition."""
    for module in pkgutil.iter_modules(scenario_package.__path__):
        importlib.import_module(f"{scenario_package.__name__}.{module.name}")
    return SCENARIOS


def transcript_lines(events: list[list[Any]]) -> list[str]:
    """One event per line: what diffs are made of."""
    return [json.dumps(event, sort_keys=True, ensure_ascii=False) for event in events]


def read_transcripts(module: str) -> dict[str, list[list[Any]]]:
    path = TRANSCRIPTS / f"{module}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}  # type: ignore[no-any-return]


def write_transcripts(module: str, transcripts: dict[str, list[list[Any]]]) -> None:
    """Stable text: scenarios sorted, one event per line."""
    blocks = [
        f"{json.dumps(name)}: [\n  " + ",\n  ".join(transcript_lines(events)) + "\n]"
        for name, events in sorted(transcripts.items())
    ]
    TRANSCRIPTS.mkdir(exist_ok=True)
    path = TRANSCRIPTS / f"{module}.json"
    path.write_text("{\n" + ",\n".join(blocks) + "\n}\n", "utf-8")
