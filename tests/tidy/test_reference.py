"""The written reference of the settings is what the schema says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from broker.config import Config, settings
from broker.configuration.building import Building
from broker.configuration.loading import read_files
from tests.write_reference import ROOT, WRITTEN, reference, sample


@pytest.mark.parametrize(
    ("path", "text"), WRITTEN.items(), ids=lambda value: getattr(value, "name", "")
)
def test_the_written_reference_is_current(path: Path, text: Callable[[], str]) -> None:
    assert path.read_text() == text(), "run: python -m tests.write_reference"


def test_the_sample_with_nothing_commented_out_is_the_default(tmp_path: Path) -> None:
    lines = (ROOT / "config" / "leveret.yaml").read_text().splitlines()
    keys = {key for key, _, _ in settings()}
    active = [line[2:] for line in lines if line[2:].partition(":")[0] in keys]
    assert len(active) == len(keys)
    (tmp_path / "leveret.yaml").write_text("\n".join(active))
    building = Building()
    read_files([tmp_path / "leveret.yaml"], building)
    assert building.finished() == Config()


def test_every_setting_is_in_both() -> None:
    page, file = reference(), sample()
    for key, _, _ in settings():
        assert f"| `{key}` |" in page
        assert f"# {key}: " in file
