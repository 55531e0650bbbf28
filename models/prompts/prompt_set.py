"""Prompt sets: the labels to recognise and the texts that describe them.

A label has texts, an event, aliases and an alarm priority; templates turn the texts
into sentences. See ``models.prompts.prompt_file`` for the YAML format and
``models.clip.text_bank`` for the encoded sentences.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Literal, final, get_args

Priority = Literal["high", "medium", "low", "none"]
"""How urgent an event is; ``none`` raises no alarm."""

PRIORITIES: tuple[Priority, ...] = get_args(Priority)
"""Every priority, most urgent first."""

SLOT = "{}"
"""The place of the text in a template."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a label is the outcome of: *fallen* comes after *falling*.

    Attributes:
        after: Label that comes before, of the same event. Without it the label is no
            part of the event.
        otherwise: Event of the label where the one before was not seen; None for none.
    """

    after: str
    otherwise: str | None = None


@dataclass(frozen=True, slots=True)
class LabelPrompts:
    """One label.

    Attributes:
        label: Name of the label.
        texts: At least one description of the label.
        event: Event that the label is a stage of; often the label itself.
        aliases: Other names of the label in labelled footage.
        priority: Priority of the alarm that its event raises.
        outcome: What the label is the outcome of; None for a label by itself.
    """

    label: str
    texts: tuple[str, ...]
    event: str
    aliases: tuple[str, ...] = ()
    priority: Priority = "none"
    outcome: Outcome | None = None


@final
@dataclass(frozen=True)
class PromptSet:
    """Labels and templates; the order of the labels is that of every score row.

    Each template has one ``{}``; the author raises ``version`` at each change.
    """

    name: str
    version: int
    templates: tuple[str, ...]
    prompts: tuple[LabelPrompts, ...]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels' names."""
        return tuple(prompt.label for prompt in self.prompts)

    @cached_property
    def events(self) -> Mapping[str, str]:
        """The event of each label."""
        return MappingProxyType({prompt.label: prompt.event for prompt in self.prompts})

    @cached_property
    def outcomes(self) -> Mapping[str, Outcome]:
        """The labels that are outcomes of others."""
        found = {prompt.label: prompt.outcome for prompt in self.prompts}
        return MappingProxyType({name: each for name, each in found.items() if each})

    @cached_property
    def priorities(self) -> Mapping[str, Priority]:
        """The priority of each event: the most urgent one among its labels."""
        found: dict[str, Priority] = {}
        for prompt in self.prompts:
            other = prompt.outcome.otherwise if prompt.outcome is not None else None
            for event in (prompt.event, other):
                if event is not None:
                    rivals = (prompt.priority, found.get(event, "none"))
                    found[event] = min(rivals, key=PRIORITIES.index)
        return MappingProxyType(found)

    @cached_property
    def hash(self) -> str:
        """First eight hexadecimal digits of a SHA-256 over what the scores depend on.

        Event names, aliases, priorities and the order do not count.
        """
        content = {
            "templates": sorted(self.templates),
            "texts": {prompt.label: sorted(prompt.texts) for prompt in self.prompts},
        }
        canonical = json.dumps(content, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:8]

    @property
    def id(self) -> str:
        """Name and hash, as ``ward@1a2b3c4d``."""
        return f"{self.name}@{self.hash}"

    def __reduce__(self) -> tuple[type["PromptSet"], tuple[object, ...]]:
        """Pickle the fields only, without cached values."""
        return PromptSet, (self.name, self.version, self.templates, self.prompts)

    def resolve(self, name: str) -> str | None:
        """Return the label with a name or alias, or None.

        Case, and the number of spaces or underscores, are ignored.
        """
        return self._by_name.get(plain_name(name))

    def place(self, name: str) -> int:
        """Return the index of the label with a name or alias, or -1."""
        label = self.resolve(name)
        return -1 if label is None else self.labels.index(label)

    def sentences(self, label: str) -> tuple[str, ...]:
        """Return every text of a label in every template.

        Raises:
            KeyError: If the set has no label of this name; aliases are not accepted.
        """
        texts = self._texts[label]
        return tuple(
            template.replace(SLOT, text)
            for template in self.templates
            for text in texts
        )

    def without(self, labels: Collection[str]) -> "PromptSet":
        """Return the set without some labels, and without outcomes of those.

        Raises:
            ValueError: If the set has no such label, or none would remain.
        """
        strange = sorted(set(labels) - set(self.labels))
        if strange:
            msg = f"{self.name} has no label {strange[0]!r}; it has {self.labels}"
            raise ValueError(msg)
        kept = tuple(
            replace(prompt, outcome=None)
            if prompt.outcome is not None and prompt.outcome.after in labels
            else prompt
            for prompt in self.prompts
            if prompt.label not in labels
        )
        if not kept:
            msg = f"no label of {self.name} would be left"
            raise ValueError(msg)
        return replace(self, prompts=kept)

    @cached_property
    def _texts(self) -> Mapping[str, tuple[str, ...]]:
        return {prompt.label: prompt.texts for prompt in self.prompts}

    @cached_property
    def _by_name(self) -> Mapping[str, str]:
        return {
            plain_name(name): prompt.label
            for prompt in self.prompts
            for name in (prompt.label, *prompt.aliases)
        }


def plain_name(name: str) -> str:
    """Return the form in which two label names are compared."""
    return " ".join(name.replace("_", " ").casefold().split())
