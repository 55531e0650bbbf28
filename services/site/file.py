"""Read a site's YAML file into ``Site``; report every mistake with its line.

``${NAME}`` in a value is replaced from the environment (``services.site.variables``).
``<<: *anchor`` merges other keys and values. A top-level key that begins with ``x-`` is
ignored: it is a place for values that are merged elsewhere.
"""

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsError as UnreadableVariable
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from models.yaml_nodes import (
    STR_TAG,
    YamlFault,
    line_of,
    pairs_of,
    read_nodes,
    value_of,
)
from pipelines.live.zones import Zone
from pipelines.redaction import HIDDEN
from services.errors import SettingsError
from services.site.settings import ENVIRONMENT_NESTING, ENVIRONMENT_PREFIX, Site
from services.site.variables import has_malformed_variable, replace_variables
from services.site.zones import ZoneFile

_OTHER_VARIABLES = frozenset(
    {"WARDWATCH_FOOTAGE", "WARDWATCH_INSTALL", "WARDWATCH_SYSTEM_PACKAGES"}
)
"""Variables with our prefix that other programs read: the tests, the bootstrap."""

_OWN_KEYS = "x-"
_WORD = re.compile(r"[\w-]{1,60}")
_TEXTS = {
    "dict_type": "expected keys and values",
    "model_type": "expected keys and values",
    "tuple_type": "expected a list",
}

Place = tuple[str | int, ...]


def read_site(path: Path, environment: Mapping[str, str] | None = None) -> Site:
    """Read and check a site's file.

    ``environment`` holds the variables for ``${NAME}``; by default those of this
    process.

    Raises:
        SettingsError: If the file cannot be read, or with a line for each mistake.
    """
    environment = os.environ if environment is None else environment
    tree, values = _read_tree(path, environment, "site: ward-3")
    problems = [*tree.problems, *_unknown_variables(environment)]
    try:
        site = Site(**values)
    except UnreadableVariable as err:
        problems.append(f"environment: {err}")
    except ValidationError as err:
        problems += tree.problems_of(err)
    if problems:
        raise SettingsError(problems)
    return site


def read_zones(path: Path) -> tuple[Zone, ...]:
    """Read and check a file of zones, in the form of a subject's ``zones``.

    Raises:
        SettingsError: If the file cannot be read, or with a line for each mistake.
    """
    tree, values = _read_tree(path, {}, "zones: [...]")
    problems = tree.problems
    try:
        zones = ZoneFile(**values).zones
    except ValidationError as err:
        problems = [*problems, *tree.problems_of(err)]
    if problems:
        raise SettingsError(problems)
    return tuple(zone.build() for zone in zones)


def _read_tree(
    path: Path, environment: Mapping[str, str], example: str
) -> "tuple[_Tree, dict[str, Any]]":
    """Return the values of a file, and what is known about their places."""
    try:
        root = read_nodes(path)
    except YamlFault as err:
        problem = err.problem.removeprefix("cannot be read: ")
        raise SettingsError([_at(path, err.line, problem)]) from None
    if not isinstance(root, MappingNode):
        problem = f"expected keys and values, as in {example}"
        raise SettingsError([_at(path, 1, problem)])
    tree = _Tree(path, environment)
    return tree, cast("dict[str, Any]", tree.read(root, ()))


@dataclass(slots=True)
class _Tree:
    """Reads the values of a document, and remembers the line of each."""

    path: Path
    environment: Mapping[str, str]
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unread: set[Place] = field(default_factory=set)
    """Values with a problem, so that their absence is not a second problem."""

    def read(self, node: Node, place: Place) -> object:
        """Return a node's value; remember the lines of its parts."""
        self.lines.setdefault(place, line_of(node))
        if isinstance(node, MappingNode):
            return self._mapping(node, place)
        if isinstance(node, SequenceNode):
            return [self.read(part, (*place, i)) for i, part in enumerate(node.value)]
        if node.tag == STR_TAG:
            return self._text(node.value, place)
        try:
            return value_of(node)
        except YamlFault as err:
            self._refuse(place, err.problem)
            return None

    def problems_of(self, error: ValidationError) -> list[str]:
        """Return a line for each mistake, except in values that could not be read."""
        return [
            _problem(self.path, self.lines, dict(each))
            for each in error.errors()
            if not any(
                each["loc"] == place[: len(each["loc"])] for place in self.unread
            )
        ]

    def _mapping(self, node: MappingNode, place: Place) -> dict[str, object]:
        values: dict[str, object] = {}
        try:
            pairs = pairs_of(node)
        except YamlFault as err:
            self.problems.append(_at(self.path, err.line, err.problem))
            return values
        for key, value in pairs:
            name, line = str(key.value), line_of(key)
            if not isinstance(key, ScalarNode) or not name:
                self.problems.append(_at(self.path, line, "a key must be a word"))
                continue
            if not place and name.startswith(_OWN_KEYS):
                continue
            here = (*place, name)
            if name in values:
                problem = f"{_spell(here)}: is given twice"
                self.problems.append(_at(self.path, line, problem))
            self.lines[here] = line
            values[name] = self.read(value, here)
        return values

    def _text(self, text: str, place: Place) -> object:
        if has_malformed_variable(text):
            self._refuse(place, "${ must be followed by a variable's name and }")
            return None
        return replace_variables(text, lambda name: self._variable(name, place))

    def _variable(self, name: str, place: Place) -> str:
        value = self.environment.get(name)
        if value is None:
            self._refuse(place, f"the environment has no variable {name}")
        elif not _is_text(value):
            self._refuse(place, f"the variable {name} is not text in this locale")
        else:
            return value
        return "unknown"

    def _refuse(self, place: Place, problem: str) -> None:
        self.unread.add(place)
        where = f"{_spell(place)}: {problem}"
        self.problems.append(_at(self.path, self.lines[place], where))


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _at(path: Path, line: int | None, problem: str) -> str:
    return f"{path}: {problem}" if line is None else f"{path}:{line}: {problem}"


def _problem(path: Path, lines: Mapping[Place, int], error: dict[str, Any]) -> str:
    """Return one of pydantic's errors as a line, without the value, maybe a secret."""
    place: Place = error["loc"]
    known = next(
        place[:count] for count in range(len(place), -1, -1) if place[:count] in lines
    )
    kind = error["type"]
    text = _TEXTS.get(kind, error["msg"].removeprefix("Value error, "))
    if kind == "missing":
        text = "has no value" if place == known else "is missing"
    elif kind == "extra_forbidden":
        near = difflib.get_close_matches(str(place[-1]), _known_names(), n=1)
        text = f"is not known; is {near[0]} meant?" if near else "is not known"
        if not near and len(place) == 1:
            text += f"; a key of your own begins with {_OWN_KEYS}"
    where = f"{path}:{lines[known]}"
    return f"{where}: {_spell(place)}: {text}" if place else f"{where}: {text}"


def _spell(place: Place) -> str:
    """Return a place in the form ``subjects[0].camera``."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{_short(part)}"
    return text.removeprefix(".")


def _short(name: str) -> str:
    """Return a key if it is a word; anything else may be a misplaced secret."""
    return name if _WORD.fullmatch(name) else HIDDEN


@cache
def _known_names(model: type[BaseModel] = Site) -> list[str]:
    schema = model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return sorted({name for part in parts for name in part.get("properties", {})})


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return a line for each variable with our prefix that names no setting."""
    fields = {name.upper() for name in Site.model_fields}
    problems = []
    for name in sorted(environment):
        if not name.startswith(ENVIRONMENT_PREFIX) or name in _OTHER_VARIABLES:
            continue
        first = name.removeprefix(ENVIRONMENT_PREFIX).split(ENVIRONMENT_NESTING)[0]
        if first not in fields:
            problems.append(f"environment: {name}: names no setting")
    return problems
