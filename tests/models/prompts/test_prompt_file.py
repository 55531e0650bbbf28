import re
from pathlib import Path

import pytest

from models.errors import PromptSetError
from models.prompts.prompt_file import bundled_prompt_set, load_prompt_set
from models.prompts.prompt_set import LabelPrompts, Outcome

SMALL = """\
version: 3
name: small
templates: a picture of {}
labels:
  walking:
    texts: a person  walking
  falling:
    texts: [a person falling, a fall]
    event: fall
    aliases: [tumbling]
    priority: high
"""


def problem_of(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PromptSetError) as caught:
        load_prompt_set(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


def test_small_file_is_read_with_its_defaults(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    found = load_prompt_set(path)
    assert (found.name, found.version) == ("small", 3)
    assert found.templates == ("a picture of {}",)
    texts = ("a person falling", "a fall")
    assert found.prompts == (
        LabelPrompts("walking", ("a person walking",), "walking", (), "none"),
        LabelPrompts("falling", texts, "fall", ("tumbling",), "high"),
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "  falling:\n",
            "  walking:\n",
            ":7: labels.walking: 'walking' already names the label 'walking' in line 5",
        ),
        (
            "tumbling",
            "Walking",
            ":10: labels.falling.aliases: 'Walking' already names the label 'walking' "
            "in line 5",
        ),
        (
            "[tumbling]",
            "[tumbling, tumbling]",
            ":10: labels.falling.aliases: 'tumbling' already names the label 'falling' "
            "in line 10",
        ),
        (
            "    event: fall\n",
            "    texts: x\n",
            ":9: labels.falling.texts: is there twice",
        ),
        ("name: small\n", "version: 1\n", ":2: version: is there twice"),
        ("a picture of {}", "[]", ":3: templates: is empty"),
        (
            "a picture of {}",
            "a picture",
            ":3: templates: 'a picture' must hold {} once, where the text goes",
        ),
        ("[a person falling, a fall]", "[]", ":8: labels.falling.texts: is empty"),
        (
            "priority: high",
            "priority: urgent",
            ":11: labels.falling.priority: 'urgent' is not one of "
            "high, medium, low, none",
        ),
        (
            "priority",
            "prioritty",
            ":11: labels.falling.prioritty: is not one of "
            "texts, event, aliases, priority, after, otherwise",
        ),
        ("name: small\n", "", ":1: name: is missing"),
        (
            "    texts: a person  walking\n",
            "    event: walking\n",
            ":6: labels.walking.texts: is missing",
        ),
        (
            "version: 3",
            "version: three",
            ":1: version: expected a whole number from 1, got 'three'",
        ),
        (
            "version: 3",
            "version: 0",
            ":1: version: expected a whole number from 1, got int '0'",
        ),
        (
            "  walking:",
            "  no:",
            ":5: labels: expected text, got bool 'no' (put it in quotes)",
        ),
        (
            "a person  walking",
            "''",
            ":6: labels.walking.texts: expected text, got an empty one",
        ),
        (
            "tumbling",
            "[tumbling]",
            ":10: labels.falling.aliases: expected text, got a list",
        ),
        (
            "  walking:\n    texts: a person  walking\n",
            "",
            ":5: labels: 1 label, expected two at least to choose from",
        ),
        ("name: small", "name: !!str [x]", ":2: name: expected text, got a list"),
        (
            "    priority: high",
            "    after: walking",
            ":8: labels.falling.after: 'walking' is not another label of event 'fall';"
            " the others are: none",
        ),
        (
            "    priority: high",
            "    otherwise: long lie",
            ":8: labels.falling.otherwise: needs a field after",
        ),
    ],
)
def test_mistake_is_named_with_its_line_and_field(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert old in SMALL
    path = tmp_path / "small.yaml"
    assert problem_of(path, SMALL.replace(old, new, 1)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ": is empty"),
        ("- a list", ":1: expected a mapping, got a list"),
        ("labels: [1,\nname: x", ":2: while parsing a flow sequence"),
        ("name: x\nb: \x07", ":2: is not YAML: character #x0007 is not allowed"),
        ("[" * 5000, ":1: is nested more than 50 deep"),
        ("a: &a [*a]", ":1: an alias (*) of what contains it"),
    ],
)
def test_what_is_no_prompt_set_is_refused(
    tmp_path: Path, text: str, expected: str
) -> None:
    assert problem_of(tmp_path / "bad.yaml", text).startswith(expected)


def test_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(b"name: \xff")
    expected = rf"^{re.escape(str(path))}:1: is not UTF-8 text$"
    with pytest.raises(PromptSetError, match=expected):
        load_prompt_set(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    expected = rf"^{re.escape(str(path))}: cannot be read: No such file or directory$"
    with pytest.raises(PromptSetError, match=expected):
        load_prompt_set(path)


def test_error_keeps_its_facts(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL.replace("high", "urgent"))
    with pytest.raises(PromptSetError) as caught:
        load_prompt_set(path)
    error = caught.value
    place = (error.path, error.line, error.field)
    assert place == (str(path), 11, "labels.falling.priority")


def test_bundled_set_has_the_labels_of_a_ward_in_order() -> None:
    assert bundled_prompt_set().labels == (
        "walking",
        "falling",
        "fallen",
        "sitting down",
        "sitting",
        "lying down",
        "lying in bed",
        "standing up",
        "standing",
        "bending",
        "empty room",
    )


def test_bundled_set_raises_alarms_for_a_fall_and_a_long_lie() -> None:
    found = bundled_prompt_set()
    stages = [label for label, event in found.events.items() if event == "fall"]
    assert stages == ["falling", "fallen"]
    assert {event for event, level in found.priorities.items() if level != "none"} == {
        "fall",
        "long lie",
    }
    assert found.priorities["fall"] == "high"
    assert found.outcomes == {"fallen": Outcome("falling", "long lie")}


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("fall", "falling"),
        ("lying on floor", "fallen"),
        ("lying on bed", "lying in bed"),
        ("crouching", "bending"),
        ("kneeling", "bending"),
        ("picking something up", "bending"),
        ("sitting on floor", "sitting"),
        ("sitting up", "standing up"),
        ("lying", None),  # in bed or on the floor: what came before it decides
        ("reading", None),
    ],
)
def test_names_of_labelled_footage_find_their_label(
    name: str, label: str | None
) -> None:
    assert bundled_prompt_set().resolve(name) == label
