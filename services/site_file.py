"""A site's YAML file into ``Site``: every mistake at once, each with its line.

``${NAME}`` in a value is taken from the environment, for logins of cameras.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsError as UnreadableVariable

from services.errors import SettingsError
from services.settings import ENVIRONMENT_NESTING, ENVIRONMENT_PREFIX, Site

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_NOT_OURS = frozenset({"WARDWATCH_FOOTAGE", "WARDWATCH_SYSTEM_PACKAGES"})
"""Variables of the tests and of the bootstrap script."""

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
        root = yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)
    except OSError as err:
        raise SettingsError([f"{path}: {err.strerror}"]) from err
    except UnicodeDecodeError as err:
        raise SettingsError([f"{path}: is not UTF-8 text"]) from err
    except yaml.YAMLError as err:
        raise SettingsError([_yaml_problem(path, err)]) from err
    if not isinstance(root, yaml.MappingNode):
        raise SettingsError([f"{path}:1: expected keys and values, as in site: ward-3"])
    tree = _Tree(path, environment)
    values = cast("dict[str, Any]", tree.read(root, ()))
    problems = [*tree.problems, *_unknown_variables(environment)]
    try:
        site = Site(**values)
    except UnreadableVariable as err:
        problems.append(f"environment: {err}")
    except ValidationError as err:
        problems += [_problem(path, tree.lines, dict(each)) for each in err.errors()]
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

    def read(self, node: yaml.Node, place: Place) -> object:
        """Return a node's value; remember where it and its parts stand."""
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, place))
        if isinstance(node, yaml.SequenceNode):
            return [self.read(it, (*place, i)) for i, it in enumerate(node.value)]
        if node.tag == "tag:yaml.org,2002:str":
            return _VARIABLE.sub(lambda found: self._variable(found, place), node.value)
        try:
            return cast("object", yaml.safe_load(yaml.serialize(node)))
        except (yaml.YAMLError, ValueError):
            where = f"{self.path}:{self.lines[place]}: {_spell(place)}"
            self.problems.append(f"{where}: is no value")
            return None

    def _pairs(
        self, node: yaml.MappingNode, place: Place
    ) -> Iterator[tuple[str, object]]:
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            line = key.start_mark.line + 1
            if name in seen:
                self.problems.append(f"{self.path}:{line}: {name}: is given twice")
            seen.add(name)
            self.lines[(*place, name)] = line
            yield name, self.read(value, (*place, name))

    def _variable(self, found: re.Match[str], place: Place) -> str:
        name = found.group(1)
        if name not in self.environment:
            problem = f"the environment has no variable {name}"
            where = f"{self.path}:{self.lines[place]}: {_spell(place)}"
            self.problems.append(f"{where}: {problem}")
        return self.environment.get(name, "unknown")


def _yaml_problem(path: Path, err: yaml.YAMLError) -> str:
    if isinstance(err, yaml.MarkedYAMLError) and err.problem_mark is not None:
        said = " ".join(filter(None, (err.context, err.problem)))
        return f"{path}:{err.problem_mark.line + 1}: {said}"
    return f"{path}: is no YAML"


def _problem(path: Path, lines: Mapping[Place, int], error: dict[str, Any]) -> str:
    """Tell one of pydantic's errors, but not what was given: it may be a secret."""
    place: Place = error["loc"]
    known = next(
        place[:count] for count in range(len(place), -1, -1) if place[:count] in lines
    )
    said = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        said = "is missing"
    elif error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(place[-1]), _known_names(), n=1)
        said = f"is not known; is {near[0]} meant?" if near else "is not known"
    where = f"{path}:{lines[known]}"
    return f"{where}: {_spell(place)}: {said}" if place else f"{where}: {said}"


def _spell(place: Place) -> str:
    """Return a place as a person writes it, ``subjects[0].camera``."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


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
