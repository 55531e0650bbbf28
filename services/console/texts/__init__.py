"""The words of the pages, one catalogue a language, and their choice.

``en.yaml`` and ``de.yaml`` have the same keys. A key names a place of the pages, as
``answer.ack``; a text may hold ``{names}`` of facts. Words of open sets, such as the
names of events, have a prefix and are shown as they are if the catalogue lacks them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, final

import yaml

LANGUAGES: Final = {"en": "English", "de": "Deutsch"}


@final
@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one language.

    Attributes:
        language: Its code, as in HTML's ``lang``.
        catalogue: The text of each key.
    """

    language: str
    catalogue: Mapping[str, str]

    def __call__(self, key: str, /, **facts: object) -> str:
        """Return a text with its facts.

        Raises:
            KeyError: If the catalogue lacks the key, or the facts a name of the text.
        """
        text = self.catalogue[key]
        return text.format(**facts) if facts else text

    def word(self, prefix: str, word: str) -> str:
        """Return a word of an open set; itself if the catalogue lacks it."""
        return self.catalogue.get(f"{prefix}.{word}", word)


@cache
def texts_of(language: str) -> Texts:
    """Return the texts of a language of ``LANGUAGES``."""
    content = files(__name__).joinpath(f"{language}.yaml").read_text("utf-8")
    return Texts(language, dict(_flat("", yaml.safe_load(content))))


def chosen_language(accepted: str, default: str) -> str:
    """Return the language that a browser likes best among ours.

    ``accepted`` is the header Accept-Language; ``default`` the answer if it names none.
    """
    wishes: list[tuple[float, int, str]] = []
    for place, part in enumerate(accepted.split(",")):
        name, _, quality = part.strip().partition(";q=")
        code = name.split("-")[0].lower()
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            weight = 0.0
        if code in LANGUAGES and weight > 0:
            wishes.append((-weight, place, code))
    return min(wishes)[2] if wishes else default


def _flat(prefix: str, tree: Mapping[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in tree.items():
        if isinstance(value, dict):
            found += _flat(f"{prefix}{name}.", value)
        else:
            found.append((f"{prefix}{name}", str(value)))
    return found
