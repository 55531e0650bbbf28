"""Which watcher watches which subject, and which watchers go on undisturbed."""

from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from services.site.settings import SubjectSettings
from services.supervisor.placement import nodes_for_watchers, plan_changes


def subject(name: str, camera: str = "test") -> SubjectSettings:
    return SubjectSettings(id=name, camera=SecretStr(camera))


A, B, C, D = (subject(name) for name in "abcd")


def readable(changes: dict) -> dict[int, tuple[list[str], list[str]]]:  # type: ignore[type-arg]
    return {
        number: (change.drop, [it.id for it in change.add])
        for number, change in changes.items()
    }


def test_subjects_fill_watchers_one_after_the_other() -> None:
    assert readable(plan_changes({}, [A, B, C], most=2)) == {
        0: ([], ["a", "b"]),
        1: ([], ["c"]),
    }


def test_a_new_subject_goes_where_the_fewest_are() -> None:
    assert readable(plan_changes({0: [A, B], 1: [C]}, [A, B, C, D], most=3)) == {
        1: ([], ["d"])
    }


def test_nobody_is_disturbed_by_others() -> None:
    changed = subject("a", "other.mp4")
    placed = {0: [A, B], 1: [C, D]}
    assert readable(plan_changes(placed, [changed, B, D], most=2)) == {
        0: (["a"], ["a"]),
        1: (["c"], []),
    }
    assert plan_changes(placed, [D, C, B, A], most=2) == {}


@given(
    st.lists(st.sampled_from("abcdefgh"), unique=True),
    st.lists(st.sampled_from("abcdefgh"), unique=True),
    st.integers(1, 4),
)
def test_whoever_is_wanted_is_watched_once(
    before: list[str], after: list[str], most: int
) -> None:
    placed: dict[int, list[SubjectSettings]] = {}
    for names in (before, after):
        wanted = [subject(name) for name in names]
        for number, change in plan_changes(placed, wanted, most).items():
            kept = [it for it in placed.get(number, []) if it.id not in change.drop]
            placed[number] = [*kept, *change.add]
        watched = sorted(it.id for subjects in placed.values() for it in subjects)
        assert watched == sorted(names)
        assert all(len(subjects) <= most for subjects in placed.values())


def test_watchers_go_to_nodes_with_cpus() -> None:
    nodes = {
        "head": {"Resources": {"memory": 2e10}},
        "b": {"Resources": {"CPU": 2.0}},
        "a": {"Resources": {"CPU": 4.0, "memory": 2e10}},
    }
    assert nodes_for_watchers(nodes) == ["a", "b"]


def test_watchers_run_somewhere_if_no_node_has_cpus() -> None:
    assert nodes_for_watchers({"head": {"Resources": {}}}) == ["head"]
    assert nodes_for_watchers({}) == []
