from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from broker.config import Config, ConfigError, StartingDefinitions, override
from broker.node import Node
from broker.starting_definitions import (
    FILE_MAX,
    HASH_PARAMETER,
    import_definitions,
    paths_of,
)


def settings(**values: object) -> StartingDefinitions:
    config = Config()
    for key, value in values.items():
        config = override(config, key.replace("__", "."), value)
    return config.starting_definitions


def definitions(*queues: str) -> dict[str, object]:
    return {
        "vhosts": [{"name": "v"}],
        "queues": [
            {"name": name, "vhost": "v", "durable": True, "auto_delete": False, "arguments": {}}
            for name in queues
        ],
    }


def written(path: Path, *queues: str) -> Path:
    path.write_text(json.dumps(definitions(*queues)))
    return path


def queues(node: Node) -> list[str]:
    return sorted(node.vhosts["v"].queues) if "v" in node.vhosts else []


def test_a_file_is_imported(tmp_path: Path) -> None:
    node = Node()
    import_definitions(node, settings(load_definitions=str(written(tmp_path / "a.json", "q"))))
    assert queues(node) == ["q"]
    assert HASH_PARAMETER not in node.global_parameters


def test_the_files_of_a_directory_in_order(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "broker")
    written(tmp_path / "2.json", "b")
    written(tmp_path / "1.json", "a")
    (tmp_path / "3.json").write_text("")
    (tmp_path / "deeper").mkdir()
    node = Node()
    wanted = settings(
        definitions__import_backend="local_filesystem", definitions__local__path=str(tmp_path)
    )
    import_definitions(node, wanted)
    assert queues(node) == ["a", "b"]
    files = [line.split("file=")[1].split()[0] for line in caplog.messages]
    assert files == [str(tmp_path / f"{number}.json") for number in (1, 2, 3)]


def test_nothing_to_import() -> None:
    node = Node()
    import_definitions(node, settings())
    assert not node.vhosts
    assert not settings().exist
    assert settings(load_definitions="/x").exist


def test_what_was_imported_before_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", "q")
    wanted = settings(load_definitions=str(path), definitions__skip_if_unchanged=True)
    node = Node()
    import_definitions(node, wanted)
    digest = node.global_parameters[HASH_PARAMETER]
    node.vhosts["v"].queues.clear()
    import_definitions(node, wanted)
    assert queues(node) == []
    written(path, "other")
    import_definitions(node, wanted)
    assert queues(node) == ["other"]
    assert node.global_parameters[HASH_PARAMETER] != digest


@pytest.mark.parametrize("algorithm", ["sha", "sha224", "sha256", "sha384", "sha512"])
def test_every_hash(tmp_path: Path, algorithm: str) -> None:
    node = Node()
    wanted = settings(
        load_definitions=str(written(tmp_path / "a")),
        definitions__skip_if_unchanged=True,
        definitions__hashing__algorithm=algorithm,
    )
    import_definitions(node, wanted)
    assert node.global_parameters[HASH_PARAMETER]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[]", "are no JSON object"),
        ("{", "are no JSON object"),
        ("[" * 100_000, "are no JSON object"),
        ('{"vhosts": 5}', "cannot be imported: definitions: vhosts should be a list"),
        (
            '{"queues": [{"name": "q", "vhost": "nope", "durable": true}]}',
            "cannot be imported: ",
        ),
    ],
)
def test_what_cannot_be_imported(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    node = Node()
    with pytest.raises(ConfigError, match=problem) as caught:
        import_definitions(node, settings(load_definitions=str(path)))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read definitions from /nope: No such file"):
        import_definitions(Node(), settings(load_definitions="/nope"))
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(FILE_MAX + 1)
    with pytest.raises(ConfigError, match="are larger than 256 MiB"):
        import_definitions(Node(), settings(load_definitions=str(large)))


def test_two_settings_need_each_other() -> None:
    for wanted in (
        settings(definitions__local__path="/x"),
        settings(definitions__import_backend="local"),
    ):
        with pytest.raises(ConfigError, match="need each other"):
            paths_of(wanted)
