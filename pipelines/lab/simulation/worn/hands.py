"""What hands do: calls, claps, knocks, and all that shakes a watch but is no fall."""

from collections.abc import Callable
from typing import final

import numpy as np
from scipy.spatial.transform import Rotation

from pipelines.lab.simulation.worn.path import UPRIGHT, MotionPath, Span, tilted
from pipelines.lab.simulation.worn.places import Place


@final
class Hands:
    """Motions of a wearer's hands; places other than a hand feel little of them."""

    def __init__(self, path: MotionPath, place: Place) -> None:
        self.path, self.place, self.rng = path, place, path.rng
        self._strength = 1.0 if place.is_hand else 0.08

    def act(self, label: str) -> None:
        """Do one thing, and go on as before."""
        before = self.path.attitude
        motions: list[Callable[[str], None]] = [
            self.call,
            self.applaud,
            self.applaud,
            self.open_door,
            self.wave,
            self.knock,
            self.drop,
            self.handle,
            self.fling,
        ]
        motions[int(self.rng.integers(len(motions)))](label)
        self._reach(label, before)
        self.path.shake(self.path.stay(label, self.rng.uniform(0.2, 2)), 0.02, 2)

    def call(self, label: str) -> None:
        """Raise a telephone or a cup to the head, hold it there."""
        span = self._raise(label)
        self._shake(span, self.rng.uniform(0.05, 0.5), 4)
        if self.rng.random() < 0.4:  # it is taken from a pocket or a table first
            self.path.pulse(
                span.start, self._strength * self.rng.uniform(0.3, 2.5), 0.03, UPRIGHT
            )
        held = self.path.stay(label, self.rng.uniform(1.5, 7))
        self._shake(held, self.rng.uniform(0.005, 0.08), 2)
        self.path.wobble(held, self._strength * self.rng.uniform(1, 12), 0.7)

    def applaud(self, label: str) -> None:
        """Clap the hands, once or with breaks in which they rest or sink."""
        for _ in range(1 if self.rng.random() < 0.5 else int(self.rng.integers(2, 5))):
            self._raise(label)
            self._clap(label)
            if self.rng.random() < 0.4:
                self._reach(label, self.place.attitude("standing", self.rng), 0.2, 0.8)
            rest = self.path.stay(label, self.rng.uniform(0.1, 2.5))
            self._shake(rest, 10 ** self.rng.uniform(-2.5, -1.2), 3)

    def _clap(self, label: str) -> None:
        """Clap at an even pace, perhaps once or twice only."""
        rate_hz = self.rng.uniform(1.2, 5.5)
        seconds = self.rng.uniform(1, 7) if self.rng.random() < 0.7 else 1 / rate_hz
        span = self.path.stay(label, seconds)
        peak_g = self._strength * self.rng.lognormal(np.log(3), 0.6)
        self.path.beat(span, peak_g, rate_hz, self.rng.uniform(0.01, 0.04))
        sway_g = self._strength * self.rng.uniform(0.3, 2)
        self.path.sway(span, sway_g, rate_hz, self._across())
        self.path.wobble(span, self._strength * self.rng.uniform(5, 30), rate_hz)

    def open_door(self, label: str) -> None:
        """Take a handle, push or pull, let go; the door may slam."""
        self._raise(label)
        grip = self.path.stay(label, self.rng.uniform(0.1, 0.6))
        self._hit(grip.start, 1.5, 0.5)
        turned = tilted(self.rng.uniform(20, 90), self.rng.uniform(-np.pi, np.pi))
        self._reach(label, turned * self.path.attitude, 0.2, 0.8)
        pull = self.path.stay(label, self.rng.uniform(0.2, 1.0))
        self._shake(pull, self.rng.uniform(0.1, 0.8), 3)
        if self.rng.random() < 0.5:
            self._hit(pull.stop, 2.5, 0.6)
        self._reach(label, self.place.attitude("standing", self.rng), 0.2, 1.0)

    def support(self, label: str) -> None:
        """Put a hand on a bed or an armrest and lean on it, or let the arm fall there.

        It goes with lying down, sitting down and getting up, and leaves the arm there.
        """
        if not self.place.is_hand:
            return
        span = self._reach(label, self.place.attitude("lying", self.rng), 0.2, 0.9)
        self.path.sink(span, self.rng.uniform(0, 0.7))
        for _ in range(int(self.rng.integers(1, 4))):
            held = self.path.stay(label, self.rng.uniform(0.15, 0.7))
            self._hit(held.start, 1.8, 0.6, (0.015, 0.09))
            self._shake(held, self.rng.uniform(0.02, 0.3), 4)

    def wave(self, label: str) -> None:
        """Wave, or raise both hands."""
        self._raise(label)
        span = self.path.stay(label, self.rng.uniform(0.5, 4))
        rate_hz = self.rng.uniform(0.8, 3)
        self.path.sway(
            span, self._strength * self.rng.uniform(0.2, 1.5), rate_hz, self._across()
        )
        self.path.wobble(span, self._strength * self.rng.uniform(10, 40), rate_hz)

    def knock(self, label: str) -> None:
        """Knock at a door or a table, or hit it once."""
        self._raise(label)
        for _ in range(int(self.rng.integers(1, 6))):
            span = self.path.stay(label, self.rng.uniform(0.12, 0.4))
            self._hit(span.stop, 3, 0.5, (0.008, 0.03))
        held = self.path.stay(label, self.rng.uniform(0.2, 2))
        self._shake(held, 0.03, 3)

    def drop(self, label: str) -> None:
        """Let an arm drop onto a lap, a table or an armrest, where it rests."""
        span = self._reach(label, self.place.attitude("sitting", self.rng), 0.2, 0.6)
        self.path.sink(span, self._strength * self.rng.uniform(0.1, 0.8))
        peak_g = self._strength * self.rng.lognormal(np.log(2.2), 0.6)
        hit = self.path.stay(label, 0.1)
        self.path.pulse(hit.start, peak_g, self.rng.uniform(0.01, 0.06), UPRIGHT)
        still = self.path.stay(label, self.rng.uniform(1, 5))
        self._shake(still, 10 ** self.rng.uniform(-3, -1.3), 2)

    def handle(self, label: str) -> None:
        """Eat, write, wash, dress: many small motions."""
        for _ in range(int(self.rng.integers(1, 5))):
            span = self._reach(
                label, self.place.attitude("sitting", self.rng), 0.4, 1.5
            )
            self._shake(span, self.rng.uniform(0.05, 0.5), self.rng.uniform(2, 6))

    def fling(self, label: str) -> None:
        """Throw something, open a door or pull a blanket, fast."""
        span = self._reach(label, self.place.attitude("lying", self.rng), 0.2, 0.7)
        self._shake(span, self.rng.uniform(0.3, 1.5), 3)
        if self.rng.random() < 0.5:
            self._hit(span.stop, 2, 0.6, (0.02, 0.08))

    def _raise(self, label: str) -> Span:
        """Lift the hand, from the elbow or the shoulder."""
        target = tilted(self.rng.uniform(60, 180), self.rng.uniform(-np.pi, np.pi))
        return self._reach(label, target, 0.3, 1.4)

    def _reach(
        self, label: str, target: Rotation, least_s: float = 0.3, most_s: float = 1.5
    ) -> Span:
        """Move the hand to an attitude; other places only feel the time."""
        goal = target if self.place.is_hand else self.path.attitude
        span = self.path.turn_to(label, goal, self.rng.uniform(least_s, most_s))
        self._shake(span, self.rng.uniform(0.02, 0.25), 3)
        return span

    def _hit(
        self,
        at: int,
        median_g: float,
        spread: float,
        width_s: tuple[float, float] = (0.01, 0.05),
    ) -> None:
        """Add an impact in any direction, whose strength is drawn around a median."""
        peak_g = self._strength * self.rng.lognormal(np.log(median_g), spread)
        self.path.pulse(at, peak_g, self.rng.uniform(*width_s), self._across())

    def _shake(self, span: Span, deviation_g: float, fastest_hz: float) -> None:
        self.path.shake(span, self._strength * deviation_g, fastest_hz)

    def _across(self) -> np.ndarray:
        return self.rng.normal(size=3)
