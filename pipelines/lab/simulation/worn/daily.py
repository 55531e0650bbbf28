"""What a wearer does in a day: rest, steps, changes of posture, and taking it off."""

from collections.abc import Callable
from typing import final

import numpy as np
from scipy.spatial.transform import Rotation

from pipelines.lab.simulation.worn.body import Body
from pipelines.lab.simulation.worn.hands import Hands
from pipelines.lab.simulation.worn.path import UPRIGHT

OTHER = "other"
"""Label of what the prompt set of a ward has no word for."""

_SPORT_SHARE = 0.3
_REST_S = 3600.0  # to the end of any story
Choice = tuple[float, Callable[[], None]]


@final
class Daily:
    """Daily motions of one body.

    Args:
        body: The body.
        is_ordinary: Whether strong motion is as rare as in an ordinary day, and the
            device stays on. Otherwise there is much of it to learn from.
    """

    def __init__(self, body: Body, *, is_ordinary: bool = False) -> None:
        self.body, self.path, self.rng = body, body.path, body.rng
        self.hands = Hands(body.path, body.place)
        self._is_ordinary = is_ordinary
        self._is_drawn_to_sport = not is_ordinary and self.rng.random() < _SPORT_SHARE

    def act(self) -> None:
        """Do something that is possible in the present posture."""
        choices = self._choices()
        weights = np.array([weight for weight, _ in choices])
        _, motion = choices[self.rng.choice(len(choices), p=weights / weights.sum())]
        motion()

    def _choices(self) -> list[Choice]:
        hands = 3.5 if self.body.place.is_hand else 0.3
        sport = 3.0 if self._is_drawn_to_sport else 0.3
        if self._is_ordinary:
            sport = 0.03
        match self.body.posture:
            case "standing":
                return [
                    (2.0, self.walk),
                    (1.0, self.stand),
                    (sport, self.run),
                    (0.6 * sport, self.jump),
                    (0.6, self.climb_stairs),
                    (1.2, self.bend),
                    (0.5, self.kneel),
                    (1.6, self.sit_down),
                    (1.2, self.lie_down),
                    (0.0 if self._is_ordinary else 0.15, self.take_off),
                    (hands, self.use_hands),
                ]
            case "lying":
                return [
                    (1.2, self.lie),
                    (1.0, self.turn_over),
                    (1.0, self.get_up),
                    (0.4 * hands, self.use_hands),
                ]
            case _:
                return [
                    (1.0, self.sit),
                    (1.2, self.stand_up),
                    (0.4, self.lie_down),
                    (0.2, self.roll_over_threshold),
                    (hands, self.use_hands),
                ]

    # Calm.

    def stand(self) -> None:
        """Stand."""
        self.body.keep(self.rng.uniform(1, 5))

    def sit(self) -> None:
        """Sit."""
        self.body.keep(self.rng.uniform(2, 6))

    def lie(self) -> None:
        """Lie."""
        self.body.keep(self.rng.uniform(2, 7))

    def use_hands(self) -> None:
        """Do something with the hands, in the current posture."""
        labels = {"standing": "standing", "lying": "lying in bed"}
        self.hands.act(labels.get(self.body.posture, "sitting"))

    def roll_over_threshold(self) -> None:
        """Be pushed in a wheelchair over bumps."""
        span = self.body.hold("sitting", self.rng.uniform(2, 5))
        self.path.beat(span, self.rng.uniform(0.2, 1.0), self.rng.uniform(0.3, 1), 0.04)

    # Steps.

    def walk(self) -> None:
        """Walk."""
        self._stand_first()
        self._walk_on(self.rng.uniform(2, 6), self.rng.uniform(1.4, 2.2), 1.0)

    def run(self) -> None:
        """Jog or run."""
        self._stand_first()
        strength = self.rng.uniform(2.5, 7)
        if self.body.place.is_hand:
            strength *= 1.3
        rate_hz = self.rng.uniform(2.2, 3.2)
        self._walk_on(self.rng.uniform(2, 8), rate_hz, strength)

    def climb_stairs(self) -> None:
        """Climb up or down stairs."""
        self._stand_first()
        strength, rate_hz = self.rng.uniform(1, 3), self.rng.uniform(1.2, 2)
        self._walk_on(self.rng.uniform(3, 7), rate_hz, strength)

    def jump(self) -> None:
        """Hop, or jump and land, and stay upright."""
        self._stand_first()
        for _ in range(int(self.rng.integers(1, 6))):
            air_s = self.rng.uniform(0.15, 0.45)
            start = self.body.hold("standing", self.rng.uniform(0.15, 0.4))
            self.path.pulse(start.stop, self.rng.uniform(0.5, 1.5), 0.2, UPRIGHT)
            span = self.body.hold("standing", air_s)
            self.path.sink(span, self.rng.uniform(0.6, 1.0))
            self.body.land(
                "standing", self.rng.uniform(1.2, 4.5), self.rng.uniform(0.03, 0.1)
            )
        self.body.hold("standing", self.rng.uniform(0.5, 3))

    # Changes of posture.

    def bend(self) -> None:
        """Bend to the floor and rise; sometimes fast."""
        self._stand_first()
        down_s = self.rng.uniform(0.4, 1.8)
        self.body.turn("bending", "bending", down_s)
        self.body.hold("bending", self.rng.uniform(0.2, 3))
        self.body.turn("bending", "standing", down_s * self.rng.uniform(0.8, 1.5))

    def kneel(self) -> None:
        """Kneel down and rise."""
        self.body.turn("bending", "kneeling", self.rng.uniform(0.7, 2))
        self.body.land("bending", self.rng.uniform(0.1, 1.2), 0.06)
        self.body.hold("bending", self.rng.uniform(1.5, 5))
        self.body.turn("standing up", "standing", self.rng.uniform(1, 2.5))

    def sit_down(self) -> None:
        """Sit down, or drop into a chair."""
        self._stand_first()
        if self.rng.random() < 0.3:
            self.hands.support("sitting down")
        is_hard = self.rng.random() < 0.4
        seconds = self.rng.uniform(0.35, 0.8) if is_hard else self.rng.uniform(0.9, 2.5)
        span = self.body.turn("sitting down", "sitting", seconds)
        if is_hard:
            self.path.sink(span, self.rng.uniform(0.2, 0.8))
            self.body.land("sitting down", self.rng.uniform(0.6, 2.6), self._soft_s())
        else:
            self.body.land("sitting down", self.rng.uniform(0.05, 0.6), self._soft_s())
        self.sit()

    def stand_up(self) -> None:
        """Get up from a seat."""
        if self.rng.random() < 0.3:
            self.hands.support("standing up")
        span = self.body.turn("standing up", "standing", self.rng.uniform(0.7, 2.2))
        self.path.shake(span, 0.1, 2)

    def lie_down(self) -> None:
        """Lie down in bed, or drop onto it."""
        if self.rng.random() < 0.5:
            self.hands.support("lying down")
        drops = self.rng.random() < 0.35
        seconds = self.rng.uniform(0.5, 1.1) if drops else self.rng.uniform(1.2, 4)
        span = self.body.turn("lying down", "lying", seconds)
        if drops:
            self.path.sink(span, self.rng.uniform(0.1, 0.6))
            self.body.land("lying down", self.rng.uniform(0.4, 1.8), self._soft_s())
            self._bounce("lying down")
        else:
            self.path.shake(span, self.rng.uniform(0.03, 0.15), 3)
            self.body.land("lying down", self.rng.uniform(0.02, 0.5), self._soft_s())
        if self.rng.random() < 0.4:
            self.hands.support("lying down")
        self._move_limbs("lying in bed")
        self.lie()

    def turn_over(self) -> None:
        """Turn over in bed."""
        span = self.body.turn("lying in bed", "lying", self.rng.uniform(0.8, 2.5))
        self.path.shake(span, self.rng.uniform(0.03, 0.2), 2.5)
        self.lie()

    def get_up(self) -> None:
        """Sit up from lying, and perhaps stand up."""
        self.body.turn("standing up", "sitting", self.rng.uniform(0.9, 2.5))
        self.body.posture = "sitting"
        if self.rng.random() < 0.5:
            self.stand_up()

    def take_off(self) -> None:
        """Take the device off and put it, or throw it, on a table."""
        fumble = self.body.turn(OTHER, "lying", self.rng.uniform(1, 3))
        self.path.shake(fumble, self.rng.uniform(0.1, 0.5), 5)
        if self.rng.random() < 0.5:
            flight = self.path.turn_to(
                OTHER,
                Rotation.random(random_state=self.rng),
                self.rng.uniform(0.2, 0.5),
            )
            self.path.sink(flight, 1.0)
        for _ in range(int(self.rng.integers(1, 4))):
            hit = self.path.stay(OTHER, self.rng.uniform(0.05, 0.2))
            self.path.pulse(hit.start, self.rng.uniform(0.5, 6), 0.012, UPRIGHT)
        self.path.stay(OTHER, _REST_S)

    # Parts.

    def _stand_first(self) -> None:
        if self.body.posture != "standing":
            self.stand_up()

    def _walk_on(self, seconds: float, rate_hz: float, strength: float) -> None:
        """Walk or run, with an impact at each step and a swing at every second."""
        target = self.body.place.attitude("standing", self.rng)
        if self.body.place.is_hand and self.rng.random() < 0.3:
            target = self.body.place.attitude("sitting", self.rng)  # forearms forwards
        self.path.turn_to("walking", target, 0.3)
        span = self.path.stay("walking", seconds)
        peak_g = strength * self.rng.uniform(*self.body.place.step_g)
        self.path.beat(span, peak_g, rate_hz, self.rng.uniform(0.05, 0.14))
        sway_g = np.sqrt(strength) * self.rng.uniform(*self.body.place.sway_g)
        self.path.sway(span, sway_g, rate_hz / 2, self.body.towards())
        self.path.sway(span, 0.6 * peak_g, rate_hz, UPRIGHT)
        self.path.wobble(span, 4 * self.body.place.fidget_deg, rate_hz / 2)
        self.path.shake(span, 0.1 * peak_g + 0.02, 6)

    def _soft_s(self) -> float:
        """Draw the width of an impact on a cushion or a mattress."""
        return float(self.rng.uniform(0.06, 0.16))

    def _bounce(self, label: str) -> None:
        """Swing on a mattress until it rests."""
        span = self.path.stay(label, self.rng.uniform(0.3, 1.0))
        self.path.sway(
            span, self.rng.uniform(0.05, 0.3), self.rng.uniform(2, 5), UPRIGHT
        )

    def _move_limbs(self, label: str) -> None:
        """Arrange oneself after lying down."""
        for _ in range(int(self.rng.integers(0, 3))):
            span = self.body.turn(label, "lying", self.rng.uniform(0.4, 1.5))
            self.path.shake(span, self.rng.uniform(0.03, 0.3), 3)
