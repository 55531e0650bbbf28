"""A wearer's body: its posture, and the parts that motions and falls are made of."""

from typing import final

import numpy as np

from pipelines.lab.simulation.worn.path import UPRIGHT, MotionPath, Span
from pipelines.lab.simulation.worn.places import Place, Posture


@final
class Body:
    """A person as one place of their body moves.

    Attributes:
        place: The place of the body.
        path: The path that all motions are appended to.
        rng: Source of all randomness.
        posture: The present posture.
    """

    def __init__(
        self, place: Place, seconds: float, posture: Posture, rng: np.random.Generator
    ) -> None:
        self.place, self.rng, self.posture = place, rng, posture
        self.path = MotionPath(seconds, rng, place.attitude(posture, rng))

    def keep(self, seconds: float) -> None:
        """Stay in the current posture with small movements."""
        labels = {"standing": "standing", "lying": "lying in bed"}
        self.hold(labels.get(self.posture, "sitting"), seconds)

    def hold(self, label: str, seconds: float) -> Span:
        """Stay, with the small movements of a person who is awake or asleep."""
        span = self.path.stay(label, seconds)
        calm = self.rng.lognormal(-0.5, 0.9)
        self.path.shake(span, calm * self.place.fidget_g, self.rng.uniform(1, 4))
        self.path.wobble(span, min(3.0, calm) * self.place.fidget_deg, 0.6)
        return span

    def turn(self, label: str, posture: Posture, seconds: float) -> Span:
        """Change the posture at an even pace."""
        target = self.place.attitude(posture, self.rng)
        span = self.path.turn_to(label, target, seconds)
        self.path.shake(span, self.place.fidget_g * self.rng.uniform(1, 5), 3)
        if self.place.is_hand:
            self.path.wobble(span, self.rng.uniform(0, 25), 1.2)
        if posture in ("standing", "sitting", "lying"):
            self.posture = posture
        return span

    def land(self, label: str, peak_g: float, width_s: float) -> None:
        """Come down on something, body upright or on a soft surface."""
        self.hit(label, peak_g * self.place.landing, width_s)

    def hit(self, label: str, peak_g: float, width_s: float) -> None:
        """Append an impact with a short rebound, which pushes mostly upwards."""
        span = self.path.stay(label, 2.5 * width_s)
        towards = UPRIGHT + self.rng.normal(0, 0.6, 3)
        self.path.pulse(span.start, peak_g, width_s, towards)
        self.path.pulse(
            span.stop, -peak_g * self.rng.uniform(0.05, 0.3), 1.5 * width_s, towards
        )

    def towards(self) -> np.ndarray:
        """Draw a direction, mostly level."""
        return self.rng.normal(0, (1, 1, 0.5))
