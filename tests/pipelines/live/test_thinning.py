"""How many pictures are used while a simulated chain has more than it can process."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.clock import NS_PER_S, seconds_to_ns
from pipelines.live.thinning import Thinning, ThinningSettings

STEP_NS, MOST = NS_PER_S // 8, 240


@final
@dataclass(slots=True)
class Chain:
    """Cameras with a picture at each step, and turns that cost time.

    Attributes:
        cameras: Number of cameras; they send their pictures at different moments.
        turn_s: Cost of a turn in which pictures are used.
        picture_s: Cost of each of these pictures.
        ages_s: End of the turn and age of each used picture.
        used: Number of used pictures of each camera.
        changes: Time and value of each change of ``every``.
    """

    cameras: int
    picture_s: float
    turn_s: float = 0.0
    ages_s: list[tuple[float, float]] = field(default_factory=list)
    used: Counter[str] = field(default_factory=Counter)
    changes: list[tuple[float, int]] = field(default_factory=list)
    now_ns: int = 0
    thinning: Thinning = field(init=False)
    _read: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.thinning = Thinning(STEP_NS, MOST, on_change=self._changed)

    def _changed(self, every: int) -> None:
        self.changes.append((self.now_ns / NS_PER_S, every))

    def run(self, seconds: float) -> None:
        end_ns = self.now_ns + seconds_to_ns(seconds)
        while self.now_ns < end_ns:
            self._turn()

    def stall(self, seconds: float) -> None:
        """Let one turn last this long."""
        self._turn(seconds)

    def _sent_ns(self, camera: int, tick: int) -> int:
        return tick * STEP_NS + camera * STEP_NS // self.cameras

    def _waiting(self, camera: int) -> int:
        sent = (self.now_ns - self._sent_ns(camera, 0)) // STEP_NS + 1
        return max(0, sent - self._read[camera])

    def _turn(self, longer_s: float = 0.0) -> None:
        unread = (self._sent_ns(each, self._read[each]) for each in range(self.cameras))
        next_ns = min(unread)
        self.now_ns = max(self.now_ns, next_ns)  # asleep until then
        began_ns, sent_ns = self.now_ns, list[int]()
        for camera in range(self.cameras):
            if not self._waiting(camera):
                continue
            tick = self._read[camera]
            self._read[camera] += 1
            if self.thinning.uses(str(camera), tick, self._waiting(camera)):
                sent_ns.append(self._sent_ns(camera, tick))
                self.used[str(camera)] += 1
        cost_s = self.turn_s + self.picture_s * len(sent_ns) if sent_ns else 0.0
        self.now_ns += seconds_to_ns(cost_s + longer_s)
        if sent_ns:
            waiting = max(self._waiting(camera) for camera in range(self.cameras))
            self.thinning.add_turn(began_ns, self.now_ns, waiting)
        self.ages_s += [
            (self.now_ns / NS_PER_S, (self.now_ns - at) / NS_PER_S) for at in sent_ns
        ]

    def oldest_s(self, after_s: float) -> float:
        """Return the greatest age of the pictures used after some seconds."""
        return max(age for at, age in self.ages_s if at > after_s)


loads = st.floats(0.05, 40.0)


@pytest.mark.slow
@settings(deadline=None, max_examples=6)
@given(cameras=st.integers(1, 6), load=loads, fixed=st.floats(0.0, 0.5))
@example(cameras=5, load=2.39, fixed=0.472)  # turns that are only sometimes long
@example(cameras=8, load=18.0, fixed=0.0)
@example(cameras=16, load=15.0, fixed=0.0)
@example(cameras=1, load=40.0, fixed=0.0)  # a turn for each picture lasts 5 s
def test_an_answer_is_never_late_for_long_and_no_camera_is_left_out(
    cameras: int, load: float, fixed: float
) -> None:
    turn_s = fixed * min(load, 1.0) / 8
    chain = Chain(cameras, (load / 8 - turn_s) / cameras, turn_s)
    chain.run(90)
    assert 1 <= chain.thinning.every < MOST
    assert all(1 <= every < MOST for _, every in chain.changes)
    assert chain.oldest_s(after_s=45) < 1.0 + turn_s + chain.picture_s
    counts = [chain.used[str(camera)] for camera in range(cameras)]
    assert min(counts) >= 90 * 8 // 55  # a load of 40 that is to use 0.8 of the time
    assert max(counts) - min(counts) <= 3 + len(chain.changes)


@pytest.mark.slow
@settings(deadline=None, max_examples=5)
@given(cameras=st.integers(1, 4), load=st.floats(0.05, 0.95))
def test_a_load_that_fits_is_not_thinned(cameras: int, load: float) -> None:
    chain = Chain(cameras, load / 8 / cameras)
    chain.run(30)
    assert chain.changes == []


@pytest.mark.slow
@settings(deadline=None, max_examples=5)
@given(cameras=st.integers(2, 4), load=st.floats(1.1, 8.0))
def test_all_pictures_are_used_again_when_there_is_room(
    cameras: int, load: float
) -> None:
    chain = Chain(cameras, load / 8 / cameras)
    chain.run(30)
    assert chain.thinning.every > 1
    chain.picture_s = 0.3 / 8 / cameras
    chain.run(60)
    assert chain.thinning.every == 1
    chain.picture_s = 1.5 / 8 / cameras
    chain.run(10)
    assert chain.thinning.every > 1


@pytest.mark.slow
@settings(deadline=None, max_examples=5)
@given(cameras=st.integers(1, 4), load=st.floats(1.02, 6.0))
def test_a_steady_load_is_judged_once_and_hardly_again(
    cameras: int, load: float
) -> None:
    chain = Chain(cameras, load / 8 / cameras)
    chain.run(200)
    assert len(chain.changes) <= 12
    assert len([at for at, _ in chain.changes if at > 100]) <= 3


@pytest.mark.slow
def test_it_waits_longer_after_it_has_gone_back_too_early() -> None:
    # Thinned pictures cost less each, so that there always seems to be room.
    chain = Chain(2, 1.3 / 8 / 2)
    backs: list[float] = []
    for _ in range(400):
        every = chain.thinning.every
        chain.picture_s = (1.3 if every == 1 else 0.8) / 8 / 2
        chain.run(1)
        if chain.thinning.every == 1 and every > 1:
            backs.append(chain.now_ns / NS_PER_S)
    gaps = [after - before for before, after in pairwise(backs)]
    assert len(gaps) >= 3
    assert all(after > 1.5 * before for before, after in pairwise(gaps))


def test_what_waited_during_one_long_turn_is_used_completely() -> None:
    chain = Chain(4, 0.7 / 8 / 4)
    chain.run(5)
    chain.stall(10)
    chain.run(60)
    assert chain.changes == []
    assert 74 * 8 <= chain.used["0"] <= 76 * 8


def test_slow_cameras_do_not_make_an_overload() -> None:
    # Turns last longer than a step, but no picture waits after them.
    thinning = Thinning(STEP_NS, MOST)
    for number in range(100):
        began_ns = number * 2 * STEP_NS
        thinning.add_turn(began_ns, began_ns + STEP_NS * 3 // 2, waiting=1)
    assert thinning.every == 1


def test_a_new_stream_is_used_from_its_first_pictures_on() -> None:
    thinning = overloaded()
    assert any(thinning.uses("bed-4", tick, 0) for tick in range(10_000, 10_010))
    assert any(thinning.uses("bed-4", tick, 0) for tick in range(10))


def test_cameras_are_used_at_different_steps_so_that_no_turn_is_long() -> None:
    # tick  0  1  2  3  4  5
    # a     x  .  .  x  .  .
    # b     .  x  .  .  x  .
    # c     .  .  x  .  .  x
    names = [f"bed-{number}" for number in range(overloaded().every)]
    thinning = overloaded(*names, "gone")
    every = thinning.every
    for name in ("gone", names[0]):  # whoever comes later gets the place that is free
        thinning.forget(name, 0)
    for tick in range(1, 3 * every):
        used = [name for name in names if thinning.uses(name, tick, 0)]
        assert len(used) == 1


def test_a_picture_that_waited_for_long_is_not_used() -> None:
    thinning = overloaded("bed-4")
    every = thinning.every
    assert not any(thinning.uses("bed-4", tick, 4) for tick in range(2 * every))
    assert thinning.uses("bed-4", 2 * every, 3)  # the first that did not wait


def test_an_overload_ends_with_its_last_camera() -> None:
    thinning = overloaded("bed-4", "bed-5")
    thinning.forget("bed-4", 20 * NS_PER_S)
    assert thinning.every > 1
    thinning.forget("bed-5", 20 * NS_PER_S)
    assert thinning.every == 1


def test_an_overload_ends_when_no_camera_has_sent_anything_for_some_time() -> None:
    ended_ns = 10 * NS_PER_S
    thinning = overloaded("bed-4")
    thinning.end_if_idle(ended_ns + 9 * NS_PER_S)
    assert thinning.every > 1
    assert any(thinning.uses("bed-4", tick, 0) for tick in range(1, 999))  # a turn
    thinning.end_if_idle(ended_ns + 90 * NS_PER_S)
    assert thinning.every > 1
    thinning.add_turn(ended_ns, ended_ns + 1, waiting=0)
    thinning.end_if_idle(ended_ns + 11 * NS_PER_S)
    assert thinning.every == 1


def overloaded(*names: str) -> Thinning:
    thinning = Thinning(STEP_NS, MOST)
    for name in names:
        thinning.uses(name, 0, 0)
    for number in range(10):
        thinning.add_turn(number * NS_PER_S, (number + 1) * NS_PER_S, waiting=8)
    assert thinning.every > 1
    return thinning


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"late_s": 0.0}, r"^late_s must be positive, got 0.0$"),
        ({"longest_s": float("nan")}, r"^longest_s must be positive, got nan$"),
        ({"busy_ratio": 1.1}, r"^busy_ratio must be at most 1, got 1.1$"),
    ],
)
def test_settings_out_of_range_are_refused(
    values: dict[str, float], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        ThinningSettings(**values)


@pytest.mark.parametrize(("step_ns", "most"), [(0, 4), (STEP_NS, 0)])
def test_a_step_or_a_limit_that_is_not_positive_is_refused(
    step_ns: int, most: int
) -> None:
    with pytest.raises(ValueError, match=r"^step_ns and most must be positive, got"):
        Thinning(step_ns, most)
