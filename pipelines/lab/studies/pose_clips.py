"""Short labelled clips of pose pictures, of simulated lives that no camera rendered.

They have the windows of ``ward_clips``, as a checkpoint sees them that looks at poses.
"""

import itertools
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from models.person.pose_picture import PICTURE_SIDE_PX, draw_poses
from pipelines.lab.poses.body_joints import joint_places
from pipelines.lab.poses.pose_lives import (
    STEP_RATE_HZ,
    join_runs,
    poses_at,
    view_of,
)
from pipelines.lab.simulation.footage import (
    RecordingPlan,
    in_render_processes,
    simulate_motion,
)
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ
from pipelines.lab.simulation.wearable import POSITIONS, simulate_sensor
from pipelines.lab.studies.clip_set import ClipSet
from pipelines.lab.studies.ward_clips import (
    FRAMES,
    IMU_RATE_HZ,
    IMU_SAMPLES,
    label_of_window,
    picture_samples,
    window_starts,
)


def draw_pose_clips(
    plans: Sequence[RecordingPlan],
    labels: Sequence[str],
    *,
    on_done: Callable[[int], None],
) -> ClipSet:
    """Simulate lives and draw their clips.

    Args:
        plans: The lives; a clip's group is the index of its life here.
        labels: The prompt set's labels; clips of other labels are left out.
        on_done: Called with the number of finished lives.

    Returns:
        The clips; nothing says which part of a pose picture shows what, so every part
        is 0.

    Raises:
        PipelineError: If this machine cannot simulate.
    """
    done = itertools.count(1)
    work = partial(_clips_of_life, labels=tuple(labels))
    lives = in_render_processes(work, plans, on_done=lambda _: on_done(next(done)))
    kept = [(room, lives[plan]) for room, plan in enumerate(plans)]
    return ClipSet.joined(
        [
            ClipSet(
                frames=clips.frames,
                labels=clips.labels,
                groups=np.full(len(clips.labels), room, np.int64),
                imu=clips.imu,
                parts=clips.parts,
                imu_rate_hz=IMU_RATE_HZ,
            )
            for room, clips in kept
        ]
    )


def _clips_of_life(plan: RecordingPlan, labels: tuple[str, ...]) -> ClipSet:
    rng, world, track = simulate_motion(plan)
    run = view_of(rng, world, track, joint_places(track, world), first=0)
    felt = simulate_sensor(world, track, POSITIONS["waist"], rng)
    starts = [s for s in window_starts(track) if label_of_window(track, s) in labels]
    samples = np.array([picture_samples(start) for start in starts], np.int64)
    steps = np.round(samples.ravel() / SAMPLE_RATE_HZ * STEP_RATE_HZ).astype(np.int64)
    steps = np.minimum(steps, len(run.labels) - 1)
    drawn = draw_poses(*poses_at(join_runs([run]), np.zeros_like(steps), steps))
    side = PICTURE_SIDE_PX
    names = [labels.index(label_of_window(track, start)) for start in starts]
    imu = np.array([felt[at : at + IMU_SAMPLES] for at in starts], np.float32)
    return ClipSet(
        frames=drawn.reshape(len(starts), FRAMES, side, side, 3),
        labels=np.array(names, np.int64),
        groups=np.zeros(len(starts), np.int64),
        imu=imu.reshape(len(starts), IMU_SAMPLES, 6),
        parts=np.zeros((len(starts), side, side), np.uint8),
        imu_rate_hz=IMU_RATE_HZ,
    )
