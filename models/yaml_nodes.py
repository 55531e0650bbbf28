"""Read a YAML file as nodes, which know their lines, within bounds.

A file may come from anywhere, so it is bounded in bytes, in depth, and in the values
that it holds once its aliases are written out. An alias of what contains it is refused.
Messages never repeat what the file holds: it may be a password.
"""

import re
from pathlib import Path
from typing import NoReturn, cast, final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MOST_BYTES = 1 << 20
MOST_DEPTH = 50
MOST_VALUES = 100_000
"""Keys and values, each alias counted as all that it stands for."""

STR_TAG = "tag:yaml.org,2002:str"
INT_TAG = "tag:yaml.org,2002:int"
NULL_TAG = "tag:yaml.org,2002:null"
_MERGE_TAG = "tag:yaml.org,2002:merge"
_KNOWN_TAG = re.compile(
    r"tag:yaml\.org,2002:(?:str|int|float|bool|null|map|seq|timestamp|merge|value)"
)
_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_QUOTED = re.compile(r"'(?!<|\\\w')[^']{2,}'")
_IN_QUOTES = "a value that begins with it must be in quotes"


class YamlFault(Exception):
    """A file cannot be read as YAML; ``line`` counts from one, where it is known."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        self.problem = problem
        self.line = line
        super().__init__(problem, line)

    def __str__(self) -> str:
        return self.problem


def read_nodes(path: Path) -> Node | None:
    """Read a file's one document; None if it is empty.

    Raises:
        YamlFault: If it cannot be read, is not YAML in UTF-8, or is out of bounds.
    """
    text = _read_text(path)
    try:
        loader = _BoundedLoader(text)
        node: Node | None = loader.get_single_node()
    except yaml.reader.ReaderError as err:
        line = text.count("\n", 0, err.position) + 1
        problem = f"is not YAML: character #x{int(err.character):04x} is not allowed"
        raise YamlFault(problem, line) from None
    except yaml.MarkedYAMLError as err:
        raise _fault(err) from None
    except yaml.YAMLError:
        msg = "is not YAML"
        raise YamlFault(msg) from None
    return node


def pairs_of(node: MappingNode) -> list[tuple[Node, Node]]:
    """Return a mapping's keys and values, those of its merge keys (``<<``) included.

    A mapping's own key wins over a merged one, and an earlier merged mapping over a
    later one. Its own keys come first, a repeated one as often as it is there.

    Raises:
        YamlFault: If ``<<`` is there twice, or stands for something else than mappings.
    """
    own = [pair for pair in node.value if pair[0].tag != _MERGE_TAG]
    merges = [pair for pair in node.value if pair[0].tag == _MERGE_TAG]
    if len(merges) > 1:
        problem = "<<: is given twice; merge several by <<: [*first, *second]"
        raise YamlFault(problem, line_of(merges[1][0]))
    pairs = list(own)
    seen = {_key(key) for key, _ in own}
    for _, value in merges:
        parts = value.value if isinstance(value, SequenceNode) else [value]
        for part in parts:
            if not isinstance(part, MappingNode):
                problem = "<<: expected an alias of keys and values, or a list of them"
                raise YamlFault(problem, line_of(value))
            merged = pairs_of(part)
            pairs += [pair for pair in merged if _key(pair[0]) not in seen]
            seen |= {_key(key) for key, _ in merged}
    return pairs


def value_of(node: Node) -> object:
    """Return what a scalar stands for: text, a number, a date, true, or None.

    Raises:
        YamlFault: If its tag does not fit, or it is a number of thousands of digits.
    """
    try:
        return cast("object", _CONSTRUCTOR.construct_object(node))
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError):
        msg = "is no value"
        raise YamlFault(msg, line_of(node)) from None


def line_of(node: Node) -> int:
    """Return the line where a node begins, counted from one."""
    return int(node.start_mark.line) + 1


@final
class _BoundedLoader(yaml.SafeLoader):
    """Composes nodes, and counts what they hold as they are completed."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._open = 0
        self._sizes: dict[Node, tuple[int, int]] = {}
        """Values and depth of each completed node."""

    def compose_node(self, parent: Node | None, index: object) -> Node:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        mark = event.start_mark
        self._open += 1
        if self._open > MOST_DEPTH:
            _refuse(f"is nested more than {MOST_DEPTH} deep", mark)
        node: Node = super().compose_node(parent, index)  # type: ignore[arg-type, assignment]
        self._open -= 1
        if isinstance(event, yaml.AliasEvent):
            if node not in self._sizes:
                _refuse("an alias (*) of what contains it", mark)
            return node
        if _KNOWN_TAG.fullmatch(node.tag) is None:
            _refuse(f"a tag (!) that is not known; {_IN_QUOTES}", mark)
        self._sizes[node] = size, depth = self._measure(node)
        if size > MOST_VALUES:
            _refuse(f"stands for more than {MOST_VALUES} values", mark)
        if depth > MOST_DEPTH:
            _refuse(f"is nested more than {MOST_DEPTH} deep by aliases", mark)
        return node

    def fetch_flow_collection_start(self, TokenClass: type[yaml.Token]) -> None:  # noqa: N803
        # The scanner reads far ahead, and slowly, where brackets are nested.
        if self.flow_level >= MOST_DEPTH:
            _refuse(f"is nested more than {MOST_DEPTH} deep", self.get_mark())
        super().fetch_flow_collection_start(TokenClass)

    def _measure(self, node: Node) -> tuple[int, int]:
        parts: list[Node] = []
        if isinstance(node, MappingNode):
            parts = [part for pair in node.value for part in pair]
        elif isinstance(node, SequenceNode):
            parts = node.value
        sizes = [self._sizes[part] for part in parts]
        deepest = max((depth for _, depth in sizes), default=0)
        return 1 + sum(size for size, _ in sizes), 1 + deepest


def _refuse(problem: str, mark: yaml.Mark) -> NoReturn:
    raise yaml.MarkedYAMLError(None, None, problem, mark)


def _fault(err: yaml.MarkedYAMLError) -> YamlFault:
    """Say where the mistake is, without what PyYAML repeats of the file."""
    line = None if err.problem_mark is None else err.problem_mark.line + 1
    problem = err.problem or "unreadable"
    if problem.startswith("found undefined alias"):
        problem = f"an alias (*) without its anchor (&); {_IN_QUOTES}"
    elif "tag handle" in problem:
        problem = f"a tag (!) that is not known; {_IN_QUOTES}"
    elif (err.context or "").startswith("found duplicate anchor"):
        problem = "an anchor (&) that is there twice"
    else:
        problem = " ".join(filter(None, (err.context, problem)))
    return YamlFault(_QUOTED.sub("'…'", problem), line)


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as err:
        msg = f"cannot be read: {err.strerror}"
        raise YamlFault(msg) from None
    if len(content) > MOST_BYTES:
        msg = f"holds more than {MOST_BYTES} bytes"
        raise YamlFault(msg)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = content.count(b"\n", 0, err.start) + 1
        msg = "is not UTF-8 text"
        raise YamlFault(msg, line) from None


def _key(node: Node) -> object:
    """Return what makes two keys the same; a key that is no scalar is like no other."""
    return node.value if isinstance(node, ScalarNode) else id(node)
