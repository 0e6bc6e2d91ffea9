"""Every dependency has a wheel for a Raspberry Pi: no compiler is needed there."""

from __future__ import annotations

import json

import pytest

from tools.runtime_lock import needed, runtime_names
from tools.wheels import PLATFORMS, PYTHONS, RECORD, record

WHEELS = json.loads(RECORD.read_text())
AGAIN = "the lock has changed; run: python -m tools.wheels"


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("machine", PLATFORMS)
def test_every_locked_version_has_a_wheel(machine: str, python: str) -> None:
    found = WHEELS[machine][python]
    chosen = needed(runtime_names())
    assert found.keys() == chosen.keys(), AGAIN
    for name, entry in chosen.items():
        file = found[name]["file"]
        _, version, *tags = file.removesuffix(".whl").split("-")
        assert version == entry.version, AGAIN
        interpreter, abi, platform = tags[-3:]
        if platform != "any":
            assert f"_{machine}" in platform
            assert "manylinux" in platform
            assert interpreter == f"cp{python.replace('.', '')}" or abi == "abi3"
        assert f"--hash=sha256:{found[name]['sha256']}" in entry.text, "the lock has this very file"


@pytest.mark.soak
def test_the_index_still_has_them() -> None:
    assert record() == WHEELS
