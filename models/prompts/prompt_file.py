"""Read a prompt set from YAML, and name file, line and field of what is wrong.

    version: 1
    name: ward
    templates:
      - a CCTV picture of {}
    labels:
      falling:
        texts: [a person falling to the floor]   # one or several
        event: fall                              # the label itself by default
        aliases: [fall]                          # none by default
        priority: high                           # none by default
      fallen:
        texts: [a person lying on the floor]
        event: fall
        after: falling                           # an outcome: a fall only after falling
        otherwise: long lie                      # its event without; none by default

The file is read as nodes, for these know their lines and keep a key that is there
twice, which a plain reader drops in silence.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from models.bundled import PROMPT_SET_FILE
from models.errors import PromptSetError
from models.prompts.prompt_set import (
    PRIORITIES,
    SLOT,
    LabelPrompts,
    Outcome,
    Priority,
    PromptSet,
    plain_name,
)
from models.yaml_nodes import (
    INT_TAG,
    STR_TAG,
    YamlFault,
    line_of,
    pairs_of,
    read_nodes,
)

_TOP_FIELDS = ("version", "name", "templates", "labels")
_LABEL_FIELDS = ("texts", "event", "aliases", "priority", "after", "otherwise")


def bundled_prompt_set() -> PromptSet:
    """Read the shipped set ``ward``."""
    return load_prompt_set(PROMPT_SET_FILE)


def load_prompt_set(path: Path) -> PromptSet:
    """Read a prompt set.

    Raises:
        PromptSetError: If the file is missing, is not YAML, or does not say what a
            prompt set must: one line with the file, the line and the field.
    """
    return _Reader(path).read()


@final
class _Reader:
    """Reads one file; every problem with a place goes through ``_error``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._named: dict[str, tuple[str, int]] = {}
        """The label and the line of each name seen, aliases included."""

    def read(self) -> PromptSet:
        try:
            return self._read()
        except YamlFault as err:
            raise PromptSetError(str(self._path), err.problem, line=err.line) from None

    def _read(self) -> PromptSet:
        top = self._fields(self._root(), "", _TOP_FIELDS, required=_TOP_FIELDS)
        return PromptSet(
            name=self._text(top["name"], "name"),
            version=self._version(top["version"]),
            templates=self._templates(top["templates"]),
            prompts=self._labels(top["labels"]),
        )

    def _root(self) -> Node:
        root = read_nodes(self._path)
        if root is None:
            raise PromptSetError(str(self._path), "is empty")
        return root

    def _error(self, node: Node, field: str, problem: str) -> PromptSetError:
        return PromptSetError(
            str(self._path), problem, line=line_of(node), field=field or None
        )

    def _labels(self, node: Node) -> tuple[LabelPrompts, ...]:
        pairs = self._pairs(node, "labels")
        names = [self._text(key, "labels") for key, _ in pairs]
        if len(names) < 2:
            problem = f"{len(names)} label, expected two at least to choose from"
            raise self._error(node, "labels", problem)
        # all labels before any alias: a clash is the alias's fault
        for name, (key, _) in zip(names, pairs, strict=True):
            self._claim(name, name, key, f"labels.{name}")
        prompts = tuple(
            self._label(name, value)
            for name, (_, value) in zip(names, pairs, strict=True)
        )
        for prompt, (_, value) in zip(prompts, pairs, strict=True):
            self._check_outcome(prompt, prompts, value)
        return prompts

    def _check_outcome(
        self, prompt: LabelPrompts, prompts: Sequence[LabelPrompts], node: Node
    ) -> None:
        """Refuse an outcome of what is not another label of the same event."""
        if prompt.outcome is None:
            return
        before = prompt.outcome.after
        others = [
            other.label
            for other in prompts
            if other.event == prompt.event and other.label != prompt.label
        ]
        if before not in others:
            known = ", ".join(others) or "none"
            problem = f"{before!r} is not another label of event {prompt.event!r}"
            field = f"labels.{prompt.label}.after"
            raise self._error(node, field, f"{problem}; the others are: {known}")

    def _label(self, name: str, node: Node) -> LabelPrompts:
        field = f"labels.{name}"
        parts = self._fields(node, field, _LABEL_FIELDS, required=("texts",))
        aliases = self._texts(parts.get("aliases"), f"{field}.aliases")
        for alias, place in aliases:
            self._claim(alias, name, place, f"{field}.aliases")
        texts = self._texts(parts["texts"], f"{field}.texts")
        if not texts:
            raise self._error(parts["texts"], f"{field}.texts", "is empty")
        event, priority = parts.get("event"), parts.get("priority")
        return LabelPrompts(
            label=name,
            texts=tuple(text for text, _ in texts),
            event=name if event is None else self._text(event, f"{field}.event"),
            aliases=tuple(alias for alias, _ in aliases),
            priority=self._priority(priority, f"{field}.priority"),
            outcome=self._outcome(parts, field, node),
        )

    def _outcome(
        self, parts: Mapping[str, Node], field: str, node: Node
    ) -> Outcome | None:
        after, otherwise = parts.get("after"), parts.get("otherwise")
        if after is None:
            if otherwise is not None:
                raise self._error(node, f"{field}.otherwise", "needs a field after")
            return None
        return Outcome(
            self._text(after, f"{field}.after"),
            None if otherwise is None else self._text(otherwise, f"{field}.otherwise"),
        )

    def _claim(self, name: str, label: str, node: Node, field: str) -> None:
        """Note a name of a label; no two may be the same."""
        plain = plain_name(name)
        if plain in self._named:
            owner, line = self._named[plain]
            problem = f"{name!r} already names the label {owner!r} in line {line}"
            raise self._error(node, field, problem)
        self._named[plain] = label, line_of(node)

    def _templates(self, node: Node) -> tuple[str, ...]:
        templates = self._texts(node, "templates")
        if not templates:
            raise self._error(node, "templates", "is empty")
        for template, place in templates:
            if template.count(SLOT) != 1:
                problem = f"{template!r} must hold {SLOT} once, where the text goes"
                raise self._error(place, "templates", problem)
        return tuple(template for template, _ in templates)

    def _version(self, node: Node) -> int:
        if isinstance(node, ScalarNode) and node.tag == INT_TAG:
            text = node.value
            if text.isdecimal() and int(text) > 0:
                return int(text)
        problem = f"expected a whole number from 1, got {_kind(node)}"
        raise self._error(node, "version", problem)

    def _priority(self, node: Node | None, field: str) -> Priority:
        if node is None:
            return "none"
        text = self._text(node, field)
        for priority in PRIORITIES:
            if text == priority:
                return priority
        raise self._error(
            node, field, f"{text!r} is not one of {', '.join(PRIORITIES)}"
        )

    def _fields(
        self, node: Node, field: str, known: Sequence[str], *, required: Sequence[str]
    ) -> dict[str, Node]:
        """Read a mapping whose keys are fixed."""
        found: dict[str, Node] = {}
        for key, value in self._pairs(node, field):
            name = self._text(key, field)
            place = f"{field}.{name}".lstrip(".")
            if name in found:
                raise self._error(key, place, "is there twice")
            if name not in known:
                raise self._error(key, place, f"is not one of {', '.join(known)}")
            found[name] = value
        missing = [name for name in required if name not in found]
        if missing:
            raise self._error(node, f"{field}.{missing[0]}".lstrip("."), "is missing")
        return found

    def _pairs(self, node: Node, field: str) -> list[tuple[Node, Node]]:
        if not isinstance(node, MappingNode):
            raise self._error(node, field, f"expected a mapping, got {_kind(node)}")
        return pairs_of(node)

    def _texts(self, node: Node | None, field: str) -> list[tuple[str, Node]]:
        """Read one text or a list of them, each with its place."""
        if node is None:
            return []
        nodes = node.value if isinstance(node, SequenceNode) else [node]
        return [(self._text(part, field), part) for part in nodes]

    def _text(self, node: Node, field: str) -> str:
        if not isinstance(node, ScalarNode) or node.tag != STR_TAG:
            hint = " (put it in quotes)" if isinstance(node, ScalarNode) else ""
            raise self._error(node, field, f"expected text, got {_kind(node)}{hint}")
        text = " ".join(node.value.split())
        if not text:
            raise self._error(node, field, "expected text, got an empty one")
        return text


def _kind(node: Node) -> str:
    """Name what a node holds, as one who wrote the file would."""
    match node:
        case MappingNode():
            return "a mapping"
        case SequenceNode():
            return "a list"
    kind = node.tag.rpartition(":")[2]
    return repr(node.value) if kind == "str" else f"{kind} {node.value!r}"
