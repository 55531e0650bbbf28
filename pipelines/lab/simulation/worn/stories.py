"""Compose stories of a worn sensor from daily motion and falls.

A story begins in a posture and goes on with motions that are possible there. Labels
are those of the prompt set of a ward. Motions that it has no word for, such as a
watch on a table, are labelled ``other``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float32
from scipy.spatial.transform import Rotation

from pipelines.lab.simulation.worn.device import draw_device
from pipelines.lab.simulation.worn.hands import Hands
from pipelines.lab.simulation.worn.path import RATE_HZ, UPRIGHT, MotionPath, Span
from pipelines.lab.simulation.worn.places import PLACES, Place, Posture

OTHER = "other"
"""Label of what the prompt set of a ward has no word for."""

STORY_LABELS = (
    *("walking", "standing", "sitting", "lying in bed", "bending"),
    *("sitting down", "standing up", "lying down", "falling", "fallen"),
)
"""All other labels of stories."""

_STORY_S = 20.0
_FALLING_SHARE = 0.3
_LATEST_FALL_S = 13.0
Choice = tuple[float, Callable[[], None]]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """Samples of a worn device with their labels, at the grid's rate."""

    place: str
    samples: Float32[np.ndarray, "sample 6"]
    labels: tuple[str, ...]

    @property
    def has_fall(self) -> bool:
        """Whether the wearer falls in it."""
        return "falling" in self.labels


def tell_story(
    rng: np.random.Generator, grid_hz: float, place: str | None = None
) -> Story:
    """Compose a story and measure it with a device that is drawn for it.

    Args:
        rng: Source of all randomness.
        grid_hz: Samples a second of the result.
        place: One of ``PLACES``; drawn by default.
    """
    name = place or str(rng.choice(list(PLACES)))
    wearer = _Wearer(PLACES[name], rng)
    wearer.live()
    path = wearer.path
    device = draw_device(rng)
    measured = device.measure(path.samples(), RATE_HZ, grid_hz, rng)
    labels = path.labels()
    chosen = (np.arange(len(measured)) * RATE_HZ / grid_hz).astype(int)
    return Story(name, measured, tuple(labels[at] for at in chosen))


@final
class _Wearer:
    """A person as one place of their body moves."""

    def __init__(self, place: Place, rng: np.random.Generator) -> None:
        self.place, self.rng = place, rng
        self.posture: Posture = "standing"
        if rng.random() < 0.4:
            self.posture = "sitting" if rng.random() < 0.6 else "lying"
        self.path = MotionPath(_STORY_S, rng, place.attitude(self.posture, rng))
        self.hands = Hands(self.path, place)
        falls = rng.random() < _FALLING_SHARE
        self._falls_at_s = rng.uniform(4, _LATEST_FALL_S) if falls else np.inf
        self._is_drawn_to_sport = rng.random() < 0.3

    def live(self) -> None:
        """Fill the path."""
        self.keep(self.rng.uniform(0.5, 3))
        while not self.path.is_full:
            if self.path.now_s >= self._falls_at_s:
                self._falls_at_s = np.inf
                self.fall()
            else:
                self._next()

    def _next(self) -> None:
        choices = self._choices()
        weights = np.array([weight for weight, _ in choices])
        _, motion = choices[self.rng.choice(len(choices), p=weights / weights.sum())]
        motion()

    def _choices(self) -> list[Choice]:
        hands = 3.5 if self.place.is_hand else 0.3
        sport = 3.0 if self._is_drawn_to_sport else 0.3
        match self.posture:
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
                    (0.15, self.take_off),
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

    def keep(self, seconds: float) -> None:
        """Stay in the current posture with small movements."""
        labels = {"standing": "standing", "lying": "lying in bed"}
        self._hold(labels.get(self.posture, "sitting"), seconds)

    def stand(self) -> None:
        """Stand."""
        self.keep(self.rng.uniform(1, 5))

    def sit(self) -> None:
        """Sit."""
        self.keep(self.rng.uniform(2, 6))

    def lie(self) -> None:
        """Lie."""
        self.keep(self.rng.uniform(2, 7))

    def use_hands(self) -> None:
        """Do something with the hands, in the current posture."""
        labels = {"standing": "standing", "lying": "lying in bed"}
        self.hands.act(labels.get(self.posture, "sitting"))

    def roll_over_threshold(self) -> None:
        """Be pushed in a wheelchair over bumps."""
        span = self._hold("sitting", self.rng.uniform(2, 5))
        self.path.beat(span, self.rng.uniform(0.2, 1.0), self.rng.uniform(0.3, 1), 0.04)

    # Steps.

    def walk(self) -> None:
        """Walk."""
        self._stand_first()
        self._step("walking", self.rng.uniform(2, 6), self.rng.uniform(1.4, 2.2), 1.0)

    def run(self) -> None:
        """Jog or run."""
        self._stand_first()
        strength = self.rng.uniform(2.5, 7)
        if self.place.is_hand:
            strength *= 1.3
        rate_hz = self.rng.uniform(2.2, 3.2)
        self._step("walking", self.rng.uniform(2, 8), rate_hz, strength)

    def climb_stairs(self) -> None:
        """Climb up or down stairs."""
        self._stand_first()
        strength, rate_hz = self.rng.uniform(1, 3), self.rng.uniform(1.2, 2)
        self._step("walking", self.rng.uniform(3, 7), rate_hz, strength)

    def jump(self) -> None:
        """Hop, or jump and land, and stay upright."""
        self._stand_first()
        for _ in range(int(self.rng.integers(1, 6))):
            air_s = self.rng.uniform(0.15, 0.45)
            start = self._hold("standing", self.rng.uniform(0.15, 0.4))
            self.path.pulse(start.stop, self.rng.uniform(0.5, 1.5), 0.2, UPRIGHT)
            span = self._hold("standing", air_s)
            self.path.sink(span, self.rng.uniform(0.6, 1.0))
            self._land(
                "standing", self.rng.uniform(1.2, 4.5), self.rng.uniform(0.03, 0.1)
            )
        self._hold("standing", self.rng.uniform(0.5, 3))

    # Changes of posture.

    def bend(self) -> None:
        """Bend to the floor and rise; sometimes fast."""
        self._stand_first()
        down_s = self.rng.uniform(0.4, 1.8)
        self._turn("bending", "bending", down_s)
        self._hold("bending", self.rng.uniform(0.2, 3))
        self._turn("bending", "standing", down_s * self.rng.uniform(0.8, 1.5))

    def kneel(self) -> None:
        """Kneel down and rise."""
        self._turn("bending", "kneeling", self.rng.uniform(0.7, 2))
        self._land("bending", self.rng.uniform(0.1, 1.2), 0.06)
        self._hold("bending", self.rng.uniform(1.5, 5))
        self._turn("standing up", "standing", self.rng.uniform(1, 2.5))

    def sit_down(self) -> None:
        """Sit down, or drop into a chair."""
        self._stand_first()
        is_hard = self.rng.random() < 0.4
        seconds = self.rng.uniform(0.35, 0.8) if is_hard else self.rng.uniform(0.9, 2.5)
        span = self._turn("sitting down", "sitting", seconds)
        if is_hard:
            self.path.sink(span, self.rng.uniform(0.2, 0.8))
            self._land("sitting down", self.rng.uniform(0.6, 2.6), self._soft_s())
        else:
            self._land("sitting down", self.rng.uniform(0.05, 0.6), self._soft_s())
        self.sit()

    def stand_up(self) -> None:
        """Get up from a seat."""
        span = self._turn("standing up", "standing", self.rng.uniform(0.7, 2.2))
        self.path.shake(span, 0.1, 2)

    def lie_down(self) -> None:
        """Lie down in bed, or drop onto it."""
        drops = self.rng.random() < 0.35
        seconds = self.rng.uniform(0.5, 1.1) if drops else self.rng.uniform(1.2, 4)
        span = self._turn("lying down", "lying", seconds)
        if drops:
            self.path.sink(span, self.rng.uniform(0.1, 0.6))
            self._land("lying down", self.rng.uniform(0.4, 1.8), self._soft_s())
            self._bounce("lying down")
        else:
            self.path.shake(span, self.rng.uniform(0.03, 0.15), 3)
            self._land("lying down", self.rng.uniform(0.02, 0.5), self._soft_s())
        self._move_limbs("lying in bed")
        self.lie()

    def turn_over(self) -> None:
        """Turn over in bed."""
        span = self._turn("lying in bed", "lying", self.rng.uniform(0.8, 2.5))
        self.path.shake(span, self.rng.uniform(0.03, 0.2), 2.5)
        self.lie()

    def get_up(self) -> None:
        """Sit up from lying, and perhaps stand up."""
        self._turn("standing up", "sitting", self.rng.uniform(0.9, 2.5))
        self.posture = "sitting"
        if self.rng.random() < 0.5:
            self.stand_up()

    def take_off(self) -> None:
        """Take the device off and put it, or throw it, on a table."""
        fumble = self._turn(OTHER, "lying", self.rng.uniform(1, 3))
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
        self.path.stay(OTHER, _STORY_S)

    # Falls.

    def fall(self) -> None:
        """Fall, lie there, and sometimes get up again."""
        is_low = self.posture != "standing"
        if self.rng.random() < 0.12:
            self._slide_down()
        else:
            self._tumble(is_low=is_low)
        self.posture = "lying"
        if self.rng.random() < 0.25:
            self._hold("fallen", self.rng.uniform(2, 5))
            self.get_up()
            return
        restless = self.rng.random() < 0.35
        while not self.path.is_full:
            span = self._hold("fallen", self.rng.uniform(2, 6))
            if restless:
                self.path.shake(span, self.rng.uniform(0.03, 0.2), 3)
                self._turn("fallen", "lying", self.rng.uniform(0.6, 2))

    def _tumble(self, *, is_low: bool) -> None:
        """Topple, hit the floor with one part of the body after the other."""
        seconds = self.rng.uniform(0.3, 0.7) if is_low else self.rng.uniform(0.5, 1.2)
        if not is_low and self.rng.random() < 0.4:
            stumble = self._hold("falling", self.rng.uniform(0.2, 0.7))
            self.path.shake(stumble, self.rng.uniform(0.2, 0.6), 4)
        target = self.place.attitude("lying", self.rng)
        before = self.path.attitude
        part = Rotation.from_rotvec(
            self.rng.uniform(0.5, 0.95) * (target * before.inv()).as_rotvec()
        )
        power = self.rng.uniform(1.3, 2.5)
        span = self.path.turn_to("falling", part * before, seconds, power)
        self.path.sink(span, self.rng.uniform(0.25, 0.9))
        self.path.shake(span, self.rng.uniform(0.05, 0.3), 4)
        if self.place.is_hand:
            self._flail(span)
        hits = int(self.rng.integers(1, 5))
        hardest = int(self.rng.integers(hits))
        peak_g = self.place.landing * self.rng.lognormal(np.log(4.2), 0.4)
        for number in range(hits):
            share = 1.0 if number == hardest else self.rng.uniform(0.15, 0.6)
            self._hit("falling", share * peak_g, self.rng.uniform(0.03, 0.14))
            gap_s = self.rng.uniform(0.04, 0.2)
            rest = self.path.turn_to("falling", target, gap_s)
            self.path.shake(rest, self.rng.uniform(0.05, 0.3), 8)
        settle = self._hold("fallen", self.rng.uniform(0.2, 1.2))
        self.path.shake(settle, self.rng.uniform(0.03, 0.3), 5)

    def _flail(self, span: Span) -> None:
        """Throw the arms up, and perhaps catch oneself with a hand."""
        self.path.shake(span, self.rng.uniform(0.2, 0.9), 3.5)
        self.path.wobble(span, self.rng.uniform(10, 45), 2)
        if self.rng.random() < 0.5:
            early = span.stop - int(self.rng.uniform(0.02, 0.2) * RATE_HZ)
            peak_g = self.rng.lognormal(np.log(4), 0.4)
            self.path.pulse(
                early, peak_g, self.rng.uniform(0.015, 0.05), self._towards()
            )

    def _slide_down(self) -> None:
        """Slink down slowly, as from a chair or along a wall."""
        seconds = self.rng.uniform(0.9, 2.2)
        span = self._turn("falling", "lying", seconds)
        self.path.shake(span, self.rng.uniform(0.05, 0.25), 3)
        self.path.sink(span, self.rng.uniform(0.05, 0.4))
        self._hit("falling", self.rng.uniform(0.7, 2.5), self.rng.uniform(0.03, 0.08))

    # Parts.

    def _stand_first(self) -> None:
        if self.posture != "standing":
            self.stand_up()

    def _hold(self, label: str, seconds: float) -> Span:
        """Stay, with the small movements of a person who is awake or asleep."""
        span = self.path.stay(label, seconds)
        calm = self.rng.lognormal(-0.5, 0.9)
        self.path.shake(span, calm * self.place.fidget_g, self.rng.uniform(1, 4))
        self.path.wobble(span, min(3.0, calm) * self.place.fidget_deg, 0.6)
        return span

    def _turn(self, label: str, posture: Posture, seconds: float) -> Span:
        """Change the posture at an even pace."""
        target = self.place.attitude(posture, self.rng)
        span = self.path.turn_to(label, target, seconds)
        self.path.shake(span, self.place.fidget_g * self.rng.uniform(1, 5), 3)
        if self.place.is_hand:
            self.path.wobble(span, self.rng.uniform(0, 25), 1.2)
        if posture in ("standing", "sitting", "lying"):
            self.posture = posture
        return span

    def _step(
        self, label: str, seconds: float, rate_hz: float, strength: float
    ) -> None:
        """Walk or run, with an impact at each step and a swing at every second."""
        target = self.place.attitude("standing", self.rng)
        if self.place.is_hand and self.rng.random() < 0.3:
            target = self.place.attitude("sitting", self.rng)  # forearms forwards
        self.path.turn_to(label, target, 0.3)
        span = self.path.stay(label, seconds)
        peak_g = strength * self.rng.uniform(*self.place.step_g)
        self.path.beat(span, peak_g, rate_hz, self.rng.uniform(0.05, 0.14))
        sway_g = np.sqrt(strength) * self.rng.uniform(*self.place.sway_g)
        self.path.sway(span, sway_g, rate_hz / 2, self._towards())
        self.path.sway(span, 0.6 * peak_g, rate_hz, UPRIGHT)
        self.path.wobble(span, 4 * self.place.fidget_deg, rate_hz / 2)
        self.path.shake(span, 0.1 * peak_g + 0.02, 6)

    def _soft_s(self) -> float:
        """Draw the width of an impact on a cushion or a mattress."""
        return float(self.rng.uniform(0.06, 0.16))

    def _land(self, label: str, peak_g: float, width_s: float) -> None:
        """Come down on something, body upright or on a soft surface."""
        self._hit(label, peak_g * self.place.landing, width_s)

    def _hit(self, label: str, peak_g: float, width_s: float) -> None:
        """Append an impact with a short rebound, which pushes mostly upwards."""
        span = self.path.stay(label, 2.5 * width_s)
        towards = UPRIGHT + self.rng.normal(0, 0.6, 3)
        self.path.pulse(span.start, peak_g, width_s, towards)
        self.path.pulse(
            span.stop, -peak_g * self.rng.uniform(0.05, 0.3), 1.5 * width_s, towards
        )

    def _bounce(self, label: str) -> None:
        """Swing on a mattress until it rests."""
        span = self.path.stay(label, self.rng.uniform(0.3, 1.0))
        self.path.sway(
            span, self.rng.uniform(0.05, 0.3), self.rng.uniform(2, 5), UPRIGHT
        )

    def _move_limbs(self, label: str) -> None:
        """Arrange oneself after lying down."""
        for _ in range(int(self.rng.integers(0, 3))):
            span = self._turn(label, "lying", self.rng.uniform(0.4, 1.5))
            self.path.shake(span, self.rng.uniform(0.03, 0.3), 3)

    def _towards(self) -> np.ndarray:
        """Draw a direction, mostly level."""
        return self.rng.normal(0, (1, 1, 0.5))
