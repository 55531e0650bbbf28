"""Following the people in the pictures of one camera.

While somebody is followed, the landmarks of one picture say where to look in the next,
and the detector does not run. It runs when a followed body was lost, and at intervals
while fewer people are followed than may be (``search_times``), on the whole picture and
on tiles of it (``search_parts``). A body that is found again where one was lost keeps
its number.
"""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Float32, UInt8

from models.person.changes import Cells, Luma, cells_about
from models.person.detector import Detection, Detector
from models.person.landmarks import LandmarkNetwork, Reading
from models.person.region import Region, boxes_overlap, share_inside
from models.person.search_parts import SearchParts
from models.person.search_times import SearchTimes
from models.person.silhouette import Silhouette
from models.person.steady_region import SteadyRegion

_NS_PER_S = 1_000_000_000
_SAME_BODY = 0.6  # share of the smaller box of one body, found twice, in the larger
_SAME_PLACE = 0.2  # way between the centres of regions of one body, in their sides
_CONVERGED = 0.1  # the same of two who were followed apart, and may have met
_APART_NS = _NS_PER_S
"""Time after which a newcomer is surely another body than the one they are inside."""
_LEAST_VISIBLE = 0.1
_MOST_OUTSIDE = 0.5  # share of a body beyond the picture's edges
_NEWCOMER_SCORE = 0.5
"""Least score of a detection in a tile, unless somebody was lost lately: each of up to
nine tiles has a chance to see somebody where nobody is."""


@final
@dataclass(frozen=True, slots=True)
class FinderSettings:
    """How people are found and followed.

    Attributes:
        people: Greatest number of people in a view, 1 to 4.
        detect_every_s: Time between two searches for somebody new, in seconds.
        least_score: Least score of the detector, 0 to 1.
        least_presence: Least probability of a body in a region, 0 to 1.
        remember_s: Time for which the number of a lost body is kept, in seconds.
        threads: Processor threads of each network.
        silhouettes: Whether people come with their silhouettes.
    """

    people: int = 4
    detect_every_s: float = 1.0
    least_score: float = 0.4
    least_presence: float = 0.4
    remember_s: float = 3.0
    threads: int = 1
    silhouettes: bool = False


@final
@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """Somebody in a picture.

    Attributes:
        track_id: Number of the body among those of its camera.
        landmarks: The 33 landmarks of BlazePose: x and y in picture heights from the
            upper left corner, and visibility, 0 to 1.
        world: The landmarks in metres about the middle of the hips; right, down, away.
        box: Left, top, right and bottom of the visible landmarks, in picture heights.
        presence: Probability that this is a body, 0 to 1.
        silhouette: The body's pixels; None unless the settings ask for them.
    """

    track_id: int
    landmarks: Float32[np.ndarray, "33 3"]
    world: Float32[np.ndarray, "33 3"]
    box: Float32[np.ndarray, " 4"]
    presence: float
    silhouette: Silhouette | None = None


@final
@dataclass(slots=True)
class _Track:
    number: int
    region: Region
    steady: SteadyRegion
    box: Float32[np.ndarray, " 4"]
    seen_ns: int
    found_ns: int


@final
class PersonFinder:
    """Finder of the people in the pictures of one camera.

    Args:
        settings: How people are found and followed.
        detector: The detector, which cameras of one process share.
        landmarks: The landmark network, likewise.

    Raises:
        PersonModelError: If a network file is missing or wrong.
        ValueError: If the settings ask for silhouettes, and the network has no masks.
    """

    def __init__(
        self,
        settings: FinderSettings | None = None,
        detector: Detector | None = None,
        landmarks: LandmarkNetwork | None = None,
    ) -> None:
        self._settings = chosen = settings or FinderSettings()
        self._detector = detector or Detector(chosen.threads, chosen.least_score)
        self._landmarks = landmarks or LandmarkNetwork(
            chosen.threads, masks=chosen.silhouettes
        )
        if chosen.silhouettes and not self._landmarks.has_masks:
            msg = "silhouettes need a landmark network with masks, got one without"
            raise ValueError(msg)
        self._tracks: list[_Track] = []
        self._lost: list[_Track] = []
        self._times = SearchTimes(chosen.detect_every_s)
        self._parts = SearchParts(chosen.detect_every_s)
        self._last_number = 0

    def find(
        self,
        picture: UInt8[np.ndarray, "height width 3"],
        time_ns: int,
        luma: Luma | None = None,
        shown_px: tuple[float, float, float, float] | None = None,
    ) -> list[Person]:
        """Return everybody in the next picture, the longest followed first.

        Args:
            picture: RGB.
            time_ns: Time of the picture on any clock.
            luma: Mean luma of the picture's cells, by which needless searches are
                avoided; without it, everything may have changed.
            shown_px: Left, top, right and bottom of what the picture shows between
                bars; None is all of it.
        """
        people = self._follow(picture, time_ns)
        aspect = picture.shape[1] / picture.shape[0]
        followed = self._followed_cells(luma, aspect)
        if self._must_search(time_ns, luma, followed):
            detections = self._detect(picture, time_ns, luma, shown_px)
            self._search(picture, time_ns, people, detections)
            followed = self._followed_cells(luma, aspect)
            self._times.add(time_ns, luma, followed)
        return people

    def _follow(
        self, picture: UInt8[np.ndarray, "height width 3"], time_ns: int
    ) -> list[Person]:
        """Read the regions of the followed; those that show nobody are lost."""
        people: list[Person] = []
        tracks, self._tracks = self._tracks, []
        for track in tracks:
            reading = self._landmarks.read(picture, track.region)
            person = self._person(track.number, reading, picture)
            is_new = time_ns - track.found_ns < _APART_NS
            if (
                person is None
                or self._is_followed(reading.next_region, _CONVERGED)
                or (is_new and _is_among(person, people))
            ):
                self._lost.append(track)
                continue
            people.append(person)
            region = track.steady.update(reading.next_region, time_ns)
            self._tracks.append(
                replace(track, region=region, box=person.box, seen_ns=time_ns)
            )
        return people

    def _followed_cells(self, luma: Luma | None, aspect: float) -> Cells | None:
        """Return the cells about everybody followed; None if nobody is."""
        if luma is None or not self._tracks:
            return None
        rows, columns = luma.shape
        each = [
            cells_about(track.box, (rows, columns), aspect) for track in self._tracks
        ]
        together: Cells = np.logical_or.reduce(each)
        return together

    def _must_search(
        self, time_ns: int, luma: Luma | None, followed: Cells | None
    ) -> bool:
        if len(self._tracks) >= self._settings.people:
            return False
        oldest_ns = time_ns - round(self._settings.remember_s * _NS_PER_S)
        self._lost = [
            track for track in self._lost if oldest_ns <= track.seen_ns <= time_ns
        ]
        if not self._tracks:
            return bool(self._lost) or self._times.is_due_for_anybody(time_ns, luma)
        searched_ns = self._times.latest_ns
        return (
            searched_ns is None
            or any(track.seen_ns > searched_ns for track in self._lost)
            or self._times.is_due_for_more(
                time_ns, luma, followed, is_one_lost=bool(self._lost)
            )
        )

    def _detect(
        self,
        picture: UInt8[np.ndarray, "height width 3"],
        time_ns: int,
        luma: Luma | None,
        shown_px: tuple[float, float, float, float] | None,
    ) -> list[Detection]:
        """Return who is seen in the parts to search, the surest first.

        Those in the whole picture come before those in tiles, which may cut them off.
        In a tile at the picture's edge, the detector may take what it cannot see for
        a body whose middle is beyond the edge.
        """
        height, width, _ = picture.shape
        whole = Region.of_picture(height, width)
        parts = self._parts.choose(
            whole,
            Region.tiles(*(shown_px or (0, 0, width, height))),
            time_ns,
            is_anybody_followed=bool(self._tracks),
            is_one_lost=bool(self._lost),
            is_changed=self._times.has_changed(luma),
        )
        newcomer_score = 0.0 if self._lost else _NEWCOMER_SCORE
        found = [
            (part != whole, -detection.score, detection)
            for part in parts
            for detection in self._detector.detect(picture, part)
            if part == whole
            or (
                detection.score >= newcomer_score
                and 0 <= detection.region.x_px <= width
                and 0 <= detection.region.y_px <= height
            )
        ]
        return [detection for *_, detection in sorted(found, key=lambda each: each[:2])]

    def _search(
        self,
        picture: UInt8[np.ndarray, "height width 3"],
        time_ns: int,
        people: list[Person],
        detections: list[Detection],
    ) -> None:
        """Add the people who were detected to those already found, in this order."""
        for detection in detections:
            if len(self._tracks) >= self._settings.people:
                break
            if self._is_followed(detection.region):
                continue
            reading = self._landmarks.read(picture, detection.region)
            person = self._person(0, reading, picture)
            region = reading.next_region
            if person is None or self._is_followed(region):  # or read again, turned
                continue
            if _is_among(person, people):
                continue
            number = self._number_of(person)
            people.append(replace(person, track_id=number))
            steady = SteadyRegion(region, time_ns)
            self._tracks.append(
                _Track(number, region, steady, person.box, time_ns, time_ns)
            )

    def _is_followed(self, region: Region, within: float = _SAME_PLACE) -> bool:
        """Return whether a body in this region is followed already.

        It need not be read, so that a search costs little while somebody is alone. Two
        people who come nearer than this are followed on, but one who is lost is not
        found again there.
        """
        return any(
            region.distance(track.region)
            < within * max(region.side_px, track.region.side_px)
            for track in self._tracks
        )

    def _number_of(self, person: Person) -> int:
        """Return the number of the lost body that this one is, or a new number."""
        best = max(
            self._lost,
            key=lambda track: boxes_overlap(track.box, person.box),
            default=None,
        )
        if best is not None and boxes_overlap(best.box, person.box) > 0:
            self._lost.remove(best)
            return best.number
        self._last_number += 1
        return self._last_number

    def _person(
        self,
        number: int,
        reading: Reading,
        picture: UInt8[np.ndarray, "height width 3"],
    ) -> Person | None:
        """Return the body of a reading, or None if there is none in the picture."""
        if reading.presence < self._settings.least_presence:
            return None
        height, width, _ = picture.shape
        landmarks = reading.points_px.copy()
        landmarks[:, :2] /= np.float32(height)
        places = landmarks[:, :2]
        inside = ((places >= 0) & (places <= [width / height, 1])).all(axis=1)
        if inside.mean() < 1 - _MOST_OUTSIDE:
            return None
        shown = places[landmarks[:, 2] >= _LEAST_VISIBLE]
        shown = shown if len(shown) > 1 else places
        box = np.concatenate((shown.min(axis=0), shown.max(axis=0)))
        silhouette = None
        if self._settings.silhouettes:
            assert reading.mask_logits is not None
            silhouette = Silhouette(picture, reading.region, reading.mask_logits)
        return Person(
            number, landmarks, reading.world_m, box, reading.presence, silhouette
        )


def _is_among(person: Person, others: list[Person]) -> bool:
    """Return whether a body may be one of those already found.

    A second look at a body often sees a part of it only: its box is small, and inside.
    """
    return any(share_inside(person.box, other.box) > _SAME_BODY for other in others)
