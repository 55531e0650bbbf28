"""Falls by the vector net: its scores through the same hysteresis as a recogniser's."""

import numpy as np

from models.person.pose_picture import STEP_S
from pipelines.clock import seconds_to_ns
from pipelines.lab.poses.pose_lives import latest_sizes
from pipelines.lab.studies.matching import Episode, pair_events
from pipelines.lab.studies.pose_track import PoseTrack
from pipelines.lab.training.vector_net import VectorNet
from pipelines.live.events.detector import EventDetector
from pipelines.live.subject import WatchSettings
from pipelines.records import FALL, Prediction

_MODEL = "vector net"


def net_falls(
    net: VectorNet, track: PoseTrack, settings: WatchSettings
) -> list[Episode]:
    """Return the falls that the net finds.

    It sees every pose. Its answers are read at the steps of the frame grid.

    Args:
        net: The net.
        track: The poses.
        settings: The frame grid, and the thresholds of the events.
    """
    if not len(track.times_ns):
        return []
    sizes = latest_sizes(track.joints, track.found)
    scores = net.scores(track.joints, track.found, sizes)
    detector = EventDetector(
        "net", net.events, settings.events, settings.events_by_name, net.outcomes
    )
    stride = settings.windows.step_ns / seconds_to_ns(STEP_S)
    records = []
    for tick in range(int(len(scores) / stride)):
        step = min(len(scores) - 1, round(tick * stride))
        at_ns = int(track.times_ns[step])
        row = dict(zip(net.events, scores[step].tolist(), strict=True))
        records += detector.update(_prediction(at_ns, row))
    records += detector.flush()
    return pair_events(records, FALL, int(track.times_ns[-1]))


def _prediction(at_ns: int, scores: dict[str, float]) -> Prediction:
    """Return the net's answer as the chain's record; it has no cosines."""
    label = max(scores, key=scores.__getitem__)
    values = np.array(list(scores.values()))
    return Prediction(
        subject_id="net",
        start_ns=at_ns,
        end_ns=at_ns,
        label=label,
        confidence=scores[label],
        margin=float(np.ptp(np.sort(values)[-2:])),
        entropy=float(-(values * np.log(values + 1e-12)).sum()),
        scores=scores,
        cosines={},
        modality="video",
        model=_MODEL,
        prompt_set="",
        partial=False,
        missing_frames=0,
    )
