import pickle
from dataclasses import replace

import pytest

from models.prompts.prompt_set import LabelPrompts, PromptSet

WALKING = LabelPrompts("walking", ("a walk", "steps"), "walking", ("strolling",))
FALLING = LabelPrompts("falling", ("a fall",), "fall", priority="high")
FALLEN = LabelPrompts("fallen", ("on the floor",), "fall", priority="low")
SMALL = PromptSet("small", 1, ("see {}", "{} here"), (WALKING, FALLING, FALLEN))


def test_labels_keep_their_order() -> None:
    assert SMALL.labels == ("walking", "falling", "fallen")


def test_stages_share_an_event_and_its_most_urgent_priority() -> None:
    assert SMALL.events == {"walking": "walking", "falling": "fall", "fallen": "fall"}
    assert SMALL.priorities == {"walking": "none", "fall": "high"}


@pytest.mark.parametrize("name", ["walking", "Strolling", " WALKING  ", "walking_"])
def test_label_is_found_by_its_name_or_alias(name: str) -> None:
    assert SMALL.resolve(name) == "walking"


def test_unknown_name_has_no_label() -> None:
    assert SMALL.resolve("fall") is None  # the name of an event, not of a label


def test_every_text_stands_in_every_template() -> None:
    expected = ("see a walk", "see steps", "a walk here", "steps here")
    assert SMALL.sentences("walking") == expected


def test_id_names_the_set_and_its_hash() -> None:
    name, _, digits = SMALL.id.partition("@")
    assert (name, digits) == ("small", SMALL.hash)
    assert len(digits) == 8
    assert int(digits, 16) >= 0


def test_hash_does_not_change_with_what_scores_do_not_depend_on() -> None:
    renamed = replace(WALKING, event="moving", aliases=(), priority="low")
    same = PromptSet("other", 2, ("{} here", "see {}"), (FALLEN, FALLING, renamed))
    assert same.hash == SMALL.hash


@pytest.mark.parametrize(
    "changed",
    [
        replace(SMALL, templates=("see {}",)),
        replace(SMALL, prompts=(replace(WALKING, texts=("steps",)), FALLING, FALLEN)),
        replace(SMALL, prompts=(replace(WALKING, label="walk"), FALLING, FALLEN)),
        replace(SMALL, prompts=(WALKING, FALLING)),
    ],
    ids=["template", "text", "label", "fewer labels"],
)
def test_hash_changes_with_what_scores_depend_on(changed: PromptSet) -> None:
    assert changed.hash != SMALL.hash


def test_what_was_asked_for_already_does_not_hinder_another_process() -> None:
    assert SMALL.events["fallen"] == "fall"  # cached from now on
    there = pickle.loads(pickle.dumps(SMALL))
    assert there == SMALL
    assert there.events == SMALL.events


def test_a_name_and_an_alias_have_the_place_of_their_label() -> None:
    assert [SMALL.place(it) for it in ("fallen", "Strolling", "flying")] == [2, 0, -1]


def test_a_set_without_a_label_knows_neither_it_nor_its_aliases() -> None:
    less = SMALL.without(["walking"])
    assert less.labels == ("falling", "fallen")
    assert less.resolve("strolling") is None
    assert SMALL.resolve("strolling") == "walking"


@pytest.mark.parametrize("labels", [["strolling"], SMALL.labels])
def test_what_cannot_be_left_out_is_refused(labels: list[str]) -> None:
    with pytest.raises(ValueError, match="small"):
        SMALL.without(labels)
