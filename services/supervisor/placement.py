"""Assignment of subjects to watchers with the fewest moves; nodes for watchers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.site.settings import SubjectSettings


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one watcher: drop some subjects, then add others."""

    drop: list[str] = field(default_factory=list)
    add: list[SubjectSettings] = field(default_factory=list)


def plan_changes(
    placed: Mapping[int, Sequence[SubjectSettings]],
    wanted: Sequence[SubjectSettings],
    most: int,
) -> dict[int, Change]:
    """Return the change of each watcher.

    Unchanged subjects are not disturbed. A changed subject stays with its watcher. A
    new subject goes to the watcher with the fewest subjects, or to a new watcher if all
    are full.

    ``most`` is the greatest number of subjects per watcher.

    Returns:
        Changes by the watcher's number; numbers not in ``placed`` are new watchers.
    """
    changes: dict[int, Change] = {}
    wishes = {subject.id: subject for subject in wanted}
    left = {number: len(subjects) for number, subjects in placed.items()}
    settled: set[str] = set()
    for number, subjects in placed.items():
        for subject in subjects:
            wish = wishes.get(subject.id)
            settled.add(subject.id)
            if wish == subject:
                continue
            change = changes.setdefault(number, Change())
            change.drop.append(subject.id)
            if wish is None:
                left[number] -= 1
            else:
                change.add.append(wish)
    for subject in wanted:
        if subject.id in settled:
            continue
        place = min(left, key=lambda number: (left[number], number), default=0)
        if left.get(place, most) >= most:
            place = max(left, default=-1) + 1
            left[place] = 0
        left[place] += 1
        changes.setdefault(place, Change()).add.append(subject)
    return changes


def nodes_for_watchers(nodes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the nodes that watchers run on, in a fixed order.

    A node that was started with ``--num-cpus=0``, as the head of a cluster often is,
    asks for no work. It gets watchers only where every node is one of these.

    Args:
        nodes: Ray's description of each living node, by the node's id.

    Returns:
        Ids of nodes; empty if no node is alive.
    """
    with_cpus = [name for name, node in nodes.items() if node["Resources"].get("CPU")]
    return sorted(with_cpus or nodes)
