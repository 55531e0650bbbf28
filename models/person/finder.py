"""Following the people in the pictures of one camera.

While somebody is followed, the landmarks of one picture say where to look in the next,
and the detector does not run. It runs when a followed body was lost, and at intervals
while fewer people are followed than may be. A body that is found again where one was
lost keeps its number.
"""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Float32, UInt8

from models.person.detector import Detector
from models.person.landmarks import LandmarkNetwork, Reading
from models.person.region import Region, boxes_overlap, share_inside
from models.person.silhouette import Silhouette
from models.person.steady_region import SteadyRegion

_NS_PER_S = 1_000_000_000
_SAME_BODY = 0.6  # share of the smaller box of one body, found twice, in the larger
_SAME_PLACE = 0.2  # way between the centres of regions of one body, in their sides
_LEAST_VISIBLE = 0.1
_MOST_OUTSIDE = 0.5  # share of a body beyond the picture's edges


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


@final
class PersonFinder:
    """Finder of the people in the pictures of one camera.

    Args:
        settings: How people are found and followed.
        detector: The detector, which cameras of one process share.
        landmarks: The landmark network, likewise.

    Raises:
        PersonModelError: If a network file is missing or wrong.
    """

    def __init__(
        self,
        settings: FinderSettings | None = None,
        detector: Detector | None = None,
        landmarks: LandmarkNetwork | None = None,
    ) -> None:
        self._settings = chosen = settings or FinderSettings()
        self._detector = detector or Detector(chosen.threads, chosen.least_score)
        self._landmarks = landmarks or LandmarkNetwork(chosen.threads)
        self._tracks: list[_Track] = []
        self._lost: list[_Track] = []
        self._searched_ns: int | None = None
        self._last_number = 0
        self._searches = 0

    def find(
        self, picture: UInt8[np.ndarray, "height width 3"], time_ns: int
    ) -> list[Person]:
        """Return everybody in the next picture, the longest followed first.

        Args:
            picture: RGB.
            time_ns: Time of the picture on any clock.
        """
        people = self._follow(picture, time_ns)
        if self._must_search(time_ns):
            self._searched_ns = time_ns
            people += self._search(picture, time_ns, people)
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
            if person is None or _is_among(person, people):
                self._lost.append(track)
                continue
            people.append(person)
            region = track.steady.update(reading.next_region, time_ns)
            self._tracks.append(
                replace(track, region=region, box=person.box, seen_ns=time_ns)
            )
        return people

    def _must_search(self, time_ns: int) -> bool:
        if len(self._tracks) >= self._settings.people:
            return False
        if not self._tracks or self._searched_ns is None:
            return True
        is_lost = any(track.seen_ns > self._searched_ns for track in self._lost)
        waited_s = (time_ns - self._searched_ns) / _NS_PER_S
        return is_lost or not 0 <= waited_s < self._settings.detect_every_s

    def _search(
        self,
        picture: UInt8[np.ndarray, "height width 3"],
        time_ns: int,
        people: list[Person],
    ) -> list[Person]:
        """Return the people whom the detector finds beside those already found."""
        oldest_ns = time_ns - round(self._settings.remember_s * _NS_PER_S)
        self._lost = [track for track in self._lost if track.seen_ns >= oldest_ns]
        found: list[Person] = []
        detections = [
            detection
            for region in self._regions(picture, is_alone=not people)
            for detection in self._detector.detect(picture, region)
        ]
        for detection in detections:
            if len(self._tracks) >= self._settings.people:
                break
            if self._is_followed(detection.region):
                continue
            reading = self._landmarks.read(picture, detection.region)
            person = self._person(0, reading, picture)
            region = reading.next_region
            if person is None or _is_among(person, [*people, *found]):
                continue
            if self._is_followed(region):  # a body read a second time, turned
                continue
            number = self._number_of(person)
            found.append(replace(person, track_id=number))
            steady = SteadyRegion(region, time_ns)
            self._tracks.append(_Track(number, region, steady, person.box, time_ns))
        return found

    def _is_followed(self, region: Region) -> bool:
        """Return whether a body in this region is followed already.

        It need not be read, so that a search costs little while somebody is alone. Two
        people who come nearer than this are followed on, but one who is lost is not
        found again there.
        """
        return any(
            region.distance(track.region)
            < _SAME_PLACE * max(region.side_px, track.region.side_px)
            for track in self._tracks
        )

    def _regions(
        self, picture: UInt8[np.ndarray, "height width 3"], *, is_alone: bool
    ) -> tuple[Region, ...]:
        """Return where to search: everywhere, or in one half as well in turn."""
        size = picture.shape[:2]
        halves: tuple[Region, ...] = Region.halves(*size)
        self._searches += 1
        if not is_alone:
            halves = halves[self._searches % 2 :][:1]
        return (Region.of_picture(*size), *halves)

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
            silhouette = Silhouette(picture, reading.region, reading.mask_logits)
        return Person(
            number, landmarks, reading.world_m, box, reading.presence, silhouette
        )


def _is_among(person: Person, others: list[Person]) -> bool:
    """Return whether a body is one of those already found.

    A second look at a body often sees a part of it only: its box is small, and inside.
    """
    return any(share_inside(person.box, other.box) > _SAME_BODY for other in others)
