"""Two simulated people in one view, as the person finder sees them in pictures.

The other person hides a part of somebody, and the finder looks for both. None of that
is in lives of one person. Each of the two becomes a run of their own, whatever numbers
the finder gave them.
"""

import asyncio
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from models.person.pose_picture import JOINTS, STEP_S
from pipelines.clock import SystemClock, ns_to_seconds
from pipelines.lab.data.footage import Recording
from pipelines.lab.poses.filmed import (
    FilmedPeople,
    FilmedPose,
    filmed_people,
    run_of,
)
from pipelines.lab.poses.pair_bodies import poses_of, shown_body
from pipelines.lab.poses.pose_lives import PoseRun, PoseRuns, runs_of
from pipelines.lab.simulation.footage import picture_samples
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ
from pipelines.lab.simulation.pair import Actor, Pair, PairPlan, live_pair
from pipelines.lab.simulation.picture import (
    HEIGHT_PX,
    WIDTH_PX,
    Photographer,
    random_sensor,
)
from pipelines.sources.gstreamer.video_writer import VideoFileWriter

_RATE_HZ = Fraction(8)  # the finder looks at no more pictures
_PEOPLE = 2


def rendered_pair_runs(
    plans: Sequence[PairPlan],
    on_done: Callable[[int], None],
    cache: Path | None = None,
) -> PoseRuns:
    """Film two people with the ward's camera, and find each in the pictures.

    Args:
        plans: The cases.
        on_done: Called with the number of finished cases.
        cache: Folder that keeps the result for another run of the same plans.

    Returns:
        Two runs of each case.

    Raises:
        TrainingError: If there is no plan.
        PipelineError: If this machine cannot render.
        PersonModelError: If a file of the person finder is missing or wrong.
    """
    return runs_of(plans, _found_in_case, "pairs", on_done, cache)


def film_pair(pair: Pair, path: Path) -> None:
    """Write the film of a case, with both people in each picture."""
    rng = pair.plan.generator().spawn(1)[0]
    watched, companion = pair.watched, pair.companion
    with (
        VideoFileWriter(path, WIDTH_PX, HEIGHT_PX, _RATE_HZ) as writer,
        Photographer(
            watched.world, random_sensor(rng), rng, companion.world
        ) as photographer,
    ):
        photographer.park_walking_aid(watched.track.qpos)
        for sample in picture_samples(watched.track, _RATE_HZ):
            companion.world.pose(companion.track.qpos[sample])
            picture = photographer.render(
                watched.track.qpos[sample], covered=watched.track.covered[sample]
            )
            writer.write(picture)


def _found_in_case(plan: PairPlan) -> list[PoseRun]:
    pair = live_pair(plan)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{plan.name}.mp4"
        film_pair(pair, path)
        seen = asyncio.run(_people(Recording(path.name, path, (), imu={})))
    actors = pair.watched, pair.companion
    poses: list[list[FilmedPose]] = [[] for _ in actors]
    for picture in seen:
        time_s = ns_to_seconds(picture.time_ns)
        bodies = [shown_body(actor, time_s) for actor in actors]
        found = poses_of(bodies, [person.landmarks for person in picture.people])
        for own, index in zip(poses, found, strict=True):
            person = None if index is None else picture.people[index]
            joints = None if person is None else person.landmarks[list(JOINTS)]
            own.append(FilmedPose(picture.time_ns, picture.step, joints))
    steps = seen[-1].step + 1
    return [
        run_of(own, _labels(actor, steps))
        for own, actor in zip(poses, actors, strict=True)
    ]


async def _people(recording: Recording) -> list[FilmedPeople]:
    return [each async for each in filmed_people(recording, SystemClock(), _PEOPLE)]


def _labels(actor: Actor, steps: int) -> tuple[str, ...]:
    """Return the activity of somebody at each step."""
    last = len(actor.track.labels) - 1
    samples = np.arange(steps) * STEP_S * SAMPLE_RATE_HZ
    return tuple(actor.track.labels[min(int(each), last)] for each in samples)
