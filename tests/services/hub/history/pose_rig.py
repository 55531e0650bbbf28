"""Poses for tests of what passes from a watcher to the hub."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from pipelines.clock import NS_PER_S
from services.hub.history.seen import InView, SeenPerson, SeenPoses
from services.hub.reports import SubjectState

BEGIN_NS = 1_700_000_000 * NS_PER_S


def somebody(track: int = 1, x: int = 500) -> SeenPerson:
    return SeenPerson(track, (x, 400, 98) * 33)


def seen(at_s: float, *people: SeenPerson) -> SeenPoses:
    return SeenPoses(BEGIN_NS + round(at_s * NS_PER_S), people or (somebody(),))


def shows(*poses: SeenPoses, keep_poses: bool = True) -> SubjectState:
    picture_ns = poses[-1].at_ns if poses else BEGIN_NS
    return SubjectState(view=InView(picture_ns, 1.5, poses), keep_poses=keep_poses)


def leaves(value: object) -> Iterator[object]:
    """Every value within a record that holds no others."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from leaves(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from leaves(key)
            yield from leaves(each)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for each in value:
            yield from leaves(each)
    else:
        yield value
