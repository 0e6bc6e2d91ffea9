"""Reads a leveret.yaml: our settings by their keys, nested, dotted or both; every value with the
line that it stands in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from broker.config import settings
from broker.configuration.building import Building, Place
from broker.configuration.sysctl import text_of
from broker.settings import is_numbered

if TYPE_CHECKING:
    from yaml.nodes import MappingNode, Node


def read_yaml(path: Path, building: Building) -> None:
    """Puts what the file says into the config; what is wrong is noted."""
    import yaml  # 15 ms that a start without a file does not pay

    try:
        text = text_of(path)
    except ValueError as error:
        building.refuse(path, str(error))
        return
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        building.refuse(Place(str(path), line), f"is not YAML: {error.problem}")
        return
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        is_deep = isinstance(error, RecursionError)
        problem = "too deep" if is_deep else str(error).splitlines()[0]
        building.refuse(path, f"is not YAML: {problem}")
        return
    if root is None or (isinstance(root, yaml.ScalarNode) and not root.value):
        return
    if not isinstance(root, yaml.MappingNode):
        building.refuse(path, "must hold settings as 'key: value'")
        return
    known = {key: entry for key, _, entry in settings()}
    for key, value, place in _flattened(root, known, "", str(path), building, {id(root)}):
        building.put(key, value, place)


def _flattened(
    node: MappingNode,
    known: Mapping[str, Any],
    prefix: str,
    file: str,
    building: Building,
    seen: set[int],
) -> Iterator[tuple[str, object, Place]]:
    import yaml

    for key_node, value_node in node.value:
        place = Place(file, key_node.start_mark.line + 1)
        if not isinstance(key_node, yaml.ScalarNode):
            building.refuse(place, "a key must be a word")
            continue
        key = f"{prefix}{key_node.value}"
        # some are above others: log.file, and log.file.level
        is_parent = any(one.startswith(f"{key}.") for one in known)
        nests = key not in known or is_numbered(known[key]) or is_parent
        if isinstance(value_node, yaml.MappingNode) and nests:
            if id(value_node) in seen:  # an alias: it may lead back here, or be many times its size
                building.refuse(place, f"'{key}' cannot be what stands elsewhere")
                continue
            seen.add(id(value_node))
            yield from _flattened(value_node, known, f"{key}.", file, building, seen)
            continue
        try:
            yield key, _value_of(value_node), place
        except (ValueError, LookupError, AttributeError, yaml.YAMLError, RecursionError):
            building.refuse(place, f"'{key}' must be a value or a list of values")


def _value_of(node: Node) -> object:
    """A scalar, or a list of them. Raises: ValueError: anything else; LookupError, AttributeError,
    YAMLError: it is not what its tag says (`!!int ""`)."""
    import yaml

    constructor = yaml.SafeLoader("")
    if isinstance(node, yaml.SequenceNode):
        if not all(isinstance(one, yaml.ScalarNode) for one in node.value):
            raise ValueError
    elif not isinstance(node, yaml.ScalarNode):
        raise ValueError
    return constructor.construct_object(node, deep=True)
