"""Read a site's YAML file into ``Site``; report every mistake with its line.

``${NAME}`` in a value is taken from the environment (``services.site.variables``), and
``<<: *anchor`` merges other keys and values. A top-level key that begins with ``x-`` is
the site's own: a place for what is merged elsewhere.
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
from pipelines.redaction import HIDDEN
from services.errors import SettingsError
from services.site.settings import ENVIRONMENT_NESTING, ENVIRONMENT_PREFIX, Site
from services.site.variables import names_no_variable, put_in

_NOT_OURS = frozenset(
    {"WARDWATCH_FOOTAGE", "WARDWATCH_INSTALL", "WARDWATCH_SYSTEM_PACKAGES"}
)
"""Variables of the tests and of the bootstrap script."""

_OWN_KEYS = "x-"
_WORD = re.compile(r"[\w-]{1,60}")
_SAID = {
    "dict_type": "expected keys and values",
    "model_type": "expected keys and values",
    "tuple_type": "expected a list",
}

Place = tuple[str | int, ...]


def read_site(path: Path, environment: Mapping[str, str] | None = None) -> Site:
    """Read and check a site's file.

    Args:
        path: YAML.
        environment: Where ``${NAME}`` is looked up; that of this process if None.

    Raises:
        SettingsError: If it cannot be read, or with a line for each mistake in it.
    """
    environment = os.environ if environment is None else environment
    try:
        root = read_nodes(path)
    except YamlFault as err:
        problem = err.problem.removeprefix("cannot be read: ")
        raise SettingsError([_at(path, err.line, problem)]) from None
    if not isinstance(root, MappingNode):
        problem = "expected keys and values, as in site: ward-3"
        raise SettingsError([_at(path, 1, problem)])
    tree = _Tree(path, environment)
    values = cast("dict[str, Any]", tree.read(root, ()))
    problems = [*tree.problems, *_unknown_variables(environment)]
    try:
        site = Site(**values)
    except UnreadableVariable as err:
        problems.append(f"environment: {err}")
    except ValidationError as err:
        problems += [
            _problem(path, tree.lines, dict(each))
            for each in err.errors()
            if not any(each["loc"] == it[: len(each["loc"])] for it in tree.unread)
        ]
    if problems:
        raise SettingsError(problems)
    return site


@dataclass(slots=True)
class _Tree:
    """Values of a document, and the line of each."""

    path: Path
    environment: Mapping[str, str]
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unread: set[Place] = field(default_factory=set)
    """Values with a problem of their own: what lacks them is no second problem."""

    def read(self, node: Node, place: Place) -> object:
        """Return a node's value; remember where it and its parts stand."""
        self.lines.setdefault(place, line_of(node))
        if isinstance(node, MappingNode):
            return self._mapping(node, place)
        if isinstance(node, SequenceNode):
            return [self.read(it, (*place, i)) for i, it in enumerate(node.value)]
        if node.tag == STR_TAG:
            return self._text(node.value, place)
        try:
            return value_of(node)
        except YamlFault as err:
            self._refuse(place, err.problem)
            return None

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
        if names_no_variable(text):
            self._refuse(place, "a ${ begins no name of a variable")
            return None
        return put_in(text, lambda name: self._variable(name, place))

    def _variable(self, name: str, place: Place) -> str:
        value = self.environment.get(name)
        if value is None:
            self._refuse(place, f"the environment has no variable {name}")
        elif not _is_text(value):
            self._refuse(place, f"the variable {name} is no text in this locale")
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
    """Tell one of pydantic's errors, but not what was given: it may be a secret."""
    place: Place = error["loc"]
    known = next(
        place[:count] for count in range(len(place), -1, -1) if place[:count] in lines
    )
    kind = error["type"]
    said = _SAID.get(kind, error["msg"].removeprefix("Value error, "))
    if kind == "missing":
        said = "has no value" if place == known else "is missing"
    elif kind == "extra_forbidden":
        near = difflib.get_close_matches(str(place[-1]), _known_names(), n=1)
        said = f"is not known; is {near[0]} meant?" if near else "is not known"
        if not near and len(place) == 1:
            said += f"; a key of your own begins with {_OWN_KEYS}"
    where = f"{path}:{lines[known]}"
    return f"{where}: {_spell(place)}: {said}" if place else f"{where}: {said}"


def _spell(place: Place) -> str:
    """Return a place as a person writes it, ``subjects[0].camera``."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{_short(part)}"
    return text.removeprefix(".")


def _short(name: str) -> str:
    """Return a key if it is a word: anything may stand where a key is expected."""
    return name if _WORD.fullmatch(name) else HIDDEN


@cache
def _known_names(model: type[BaseModel] = Site) -> list[str]:
    schema = model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return sorted({name for part in parts for name in part.get("properties", {})})


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Tell of variables with our prefix that name no field: a typo would be silent."""
    fields = {name.upper() for name in Site.model_fields}
    problems = []
    for name in sorted(environment):
        if not name.startswith(ENVIRONMENT_PREFIX) or name in _NOT_OURS:
            continue
        first = name.removeprefix(ENVIRONMENT_PREFIX).split(ENVIRONMENT_NESTING)[0]
        if first not in fields:
            problems.append(f"environment: {name}: names no setting")
    return problems
