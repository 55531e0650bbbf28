import numpy as np

from models.prompts.prompt_file import bundled_prompt_set
from pipelines.lab.simulation.footage import Stream
from pipelines.lab.studies.pose_clips import draw_pose_clips
from pipelines.lab.studies.ward_clips import FRAMES, plan_rooms


def test_clips_have_pictures_of_poses_and_the_wearable() -> None:
    labels = bundled_prompt_set().labels
    lives: list[int] = []
    clips = draw_pose_clips(
        plan_rooms(20, 3, Stream.FOOTAGE), labels, on_done=lives.append
    )
    assert lives == [1, 2]
    assert clips.frames.shape == (len(clips), FRAMES, 32, 32, 3)
    assert len(np.unique(clips.labels)) > 3
    assert sorted(set(clips.groups.tolist())) == [0, 1]
    assert clips.imu is not None
    assert len(clips.imu) == len(clips)
    empty: np.ndarray = clips.labels == labels.index("empty room")
    seen = np.asarray(clips.frames.reshape(len(clips), -1).any(axis=1))
    assert seen[~empty].mean() > 0.9
    assert not seen[empty].all()
