"""Roles and rights."""

from services.console.people import Person


def test_each_role_has_the_rights_of_those_before_it() -> None:
    carer = Person("kim", "carer")
    assert carer.has("viewer")
    assert carer.has("carer")
    assert not carer.has("administrator")


def test_an_answer_needs_a_carer_and_the_scope() -> None:
    assert Person("kim", "carer").may_answer
    assert not Person("vera", "viewer").may_answer
    reading = Person("kim", "carer", token="board", scopes=frozenset({"read"}))
    assert not reading.may_answer


def test_a_limited_user_sees_only_the_own_subjects() -> None:
    nina = Person("nina", "carer", frozenset({"bed-2"}))
    assert nina.visible(["bed-1", "bed-2"]) == ["bed-2"]
    assert Person("kim", "carer").visible(["bed-1"]) == ["bed-1"]


def test_the_history_names_the_token_beside_its_user() -> None:
    assert Person("kim", "carer", token="pager").signature == "kim (pager)"
