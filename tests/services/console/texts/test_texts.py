"""The catalogues, and their choice."""

import re
from importlib.resources import files
from string import Formatter

import pytest

from models.prompts.prompt_file import bundled_prompt_set
from pipelines.records import BED_EXIT
from services.console.texts import LANGUAGES, chosen_language, texts_of

TEMPLATES = files("services.console").joinpath("templates")
PLAIN_KEY = re.compile(r"\bt\('([a-z_. ]+)'[),]")


def names_in(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_keys_and_the_same_facts(language: str) -> None:
    english, other = texts_of("en").catalogue, texts_of(language).catalogue
    assert other.keys() == english.keys()
    assert [
        key for key in english if names_in(english[key]) != names_in(other[key])
    ] == []


def test_every_key_of_the_templates_has_a_text() -> None:
    catalogue = texts_of("en").catalogue
    pages = [page for page in TEMPLATES.iterdir() if page.name.endswith(".html")]
    keys = {key for page in pages for key in PLAIN_KEY.findall(page.read_text())}
    assert len(keys) > 80
    assert sorted(keys - catalogue.keys()) == []


def test_no_text_is_left_in_english() -> None:
    english, german = texts_of("en").catalogue, texts_of("de").catalogue
    may_be_equal = {"Broker (MQTT)", "Name", "System", "Start", "Version"}
    same = {
        key
        for key, text in english.items()
        if text == german[key] and len(text) > 3 and text not in may_be_equal
    }
    assert {
        key for key in same if not key.startswith(("unit.", "replay.seconds"))
    } == set()


def test_every_action_and_event_of_the_shipped_words_has_a_text() -> None:
    prompts, catalogue = bundled_prompt_set(), texts_of("en").catalogue
    assert [it for it in prompts.labels if f"action.{it}" not in catalogue] == []
    urgent = {name for name, each in prompts.priorities.items() if each != "none"}
    raised = {*urgent, BED_EXIT}
    assert [name for name in raised if f"event.{name}" not in catalogue] == []


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("fr,de;q=0.3,en;q=0.2", "de"),
        ("fr", "en"),
        ("", "en"),
        ("de;q=0,en;q=x", "en"),
    ],
)
def test_the_browsers_first_wish_among_ours_is_chosen(
    accepted: str, language: str
) -> None:
    assert chosen_language(accepted, "en") == language


def test_a_word_without_a_translation_stays_as_it_is() -> None:
    assert texts_of("de").word("event", "fall") == "Sturz"
    assert texts_of("de").word("event", "wandering") == "wandering"
