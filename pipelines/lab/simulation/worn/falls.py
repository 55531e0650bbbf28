"""Falls of a wearer: topple, stumble, catch oneself, slide down, and lie there."""

from typing import final

import numpy as np
from scipy.spatial.transform import Rotation

from pipelines.lab.simulation.worn.body import Body
from pipelines.lab.simulation.worn.path import RATE_HZ, Span


@final
class Falls:
    """Falls of one body."""

    def __init__(self, body: Body) -> None:
        self.body, self.path, self.rng = body, body.path, body.rng

    def fall(self) -> None:
        """Fall, and lie there to the end of the path or only for a while."""
        is_low = self.body.posture != "standing"
        if self.rng.random() < 0.12:
            self._slide_down()
        else:
            self._tumble(is_low=is_low)
        self.body.posture = "lying"
        if self.rng.random() < 0.25:
            self.body.hold("fallen", self.rng.uniform(2, 5))
            return
        restless = self.rng.random() < 0.35
        while not self.path.is_full:
            span = self.body.hold("fallen", self.rng.uniform(2, 6))
            if restless:
                self.path.shake(span, self.rng.uniform(0.03, 0.2), 3)
                self.body.turn("fallen", "lying", self.rng.uniform(0.6, 2))

    def _tumble(self, *, is_low: bool) -> None:
        """Topple, hit the floor with one part of the body after the other."""
        seconds = self.rng.uniform(0.3, 0.7) if is_low else self.rng.uniform(0.5, 1.2)
        if not is_low and self.rng.random() < 0.4:
            stumble = self.body.hold("falling", self.rng.uniform(0.2, 0.7))
            self.path.shake(stumble, self.rng.uniform(0.2, 0.6), 4)
        target = self.body.place.attitude("lying", self.rng)
        before = self.path.attitude
        part = Rotation.from_rotvec(
            self.rng.uniform(0.5, 0.95) * (target * before.inv()).as_rotvec()
        )
        power = self.rng.uniform(1.3, 2.5)
        span = self.path.turn_to("falling", part * before, seconds, power)
        self.path.sink(span, self.rng.uniform(0.25, 0.9))
        self.path.shake(span, self.rng.uniform(0.05, 0.3), 4)
        if self.body.place.is_hand:
            self._flail(span)
        hits = int(self.rng.integers(1, 5))
        hardest = int(self.rng.integers(hits))
        peak_g = self.body.place.landing * self.rng.lognormal(np.log(4.2), 0.4)
        for number in range(hits):
            share = 1.0 if number == hardest else self.rng.uniform(0.15, 0.6)
            self.body.hit("falling", share * peak_g, self.rng.uniform(0.03, 0.14))
            gap_s = self.rng.uniform(0.04, 0.2)
            rest = self.path.turn_to("falling", target, gap_s)
            self.path.shake(rest, self.rng.uniform(0.05, 0.3), 8)
        settle = self.body.hold("fallen", self.rng.uniform(0.2, 1.2))
        self.path.shake(settle, self.rng.uniform(0.03, 0.3), 5)

    def _flail(self, span: Span) -> None:
        """Throw the arms up, and perhaps catch oneself with a hand."""
        self.path.shake(span, self.rng.uniform(0.2, 0.9), 3.5)
        self.path.wobble(span, self.rng.uniform(10, 45), 2)
        if self.rng.random() < 0.5:
            early = span.stop - int(self.rng.uniform(0.02, 0.2) * RATE_HZ)
            peak_g = self.rng.lognormal(np.log(4), 0.4)
            self.path.pulse(
                early, peak_g, self.rng.uniform(0.015, 0.05), self.body.towards()
            )

    def _slide_down(self) -> None:
        """Slink down slowly, as from a chair or along a wall."""
        seconds = self.rng.uniform(0.9, 2.2)
        span = self.body.turn("falling", "lying", seconds)
        self.path.shake(span, self.rng.uniform(0.05, 0.25), 3)
        self.path.sink(span, self.rng.uniform(0.05, 0.4))
        self.body.hit(
            "falling", self.rng.uniform(0.7, 2.5), self.rng.uniform(0.03, 0.08)
        )
