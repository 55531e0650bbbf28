"""The thresholds by which label scores become events."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EventSettings:
    """When an episode of an event starts and ends.

    Attributes:
        enter: Least score that starts an episode, 0 to 1.
        wearable_enter: The same for an answer from a wearable's samples alone, or
            ``enter`` if that is higher. What was felt is less sure than what was seen.
        exit: Score below which an episode may end, above 0, at most ``enter``.
        minimum_duration_s: Time that the score must stay at or above ``enter`` to start
            an episode, in seconds.
        merge_gap_s: Time that the score must stay below ``exit`` to end an episode, in
            seconds; a shorter gap is part of the episode.
        longest_silence_s: Longest time without a prediction, in seconds, after which an
            undecided onset is kept. A started episode survives any silence.
        onset_score: Least score of the label before an outcome, 0 to 1.
        outcome_score: Least score of the outcome when the episode starts, 0 to 1.
        both_score: Least product of the greatest score of the label before an outcome,
            near the start of the high score, and of the square of the outcome's.
        settled_s: Time for which the outcome's score may have been at ``enter``, in
            seconds, until the label before counts only with a score of ``enter``.
        onset_within_s: Longest time between the label before and the start of the high
            score, in seconds, in either order.
        long_lie_s: Time that an outcome must last to start its own event where the
            label before was not seen, in seconds.

    Raises:
        ValueError: If a value is out of its range.
    """

    enter: float = 0.5
    exit: float = 0.3
    minimum_duration_s: float = 0.7
    merge_gap_s: float = 1.5
    longest_silence_s: float = 3.0
    onset_score: float = 0.1
    outcome_score: float = 0.3
    both_score: float = 0.12
    settled_s: float = 0.4
    onset_within_s: float = 2.0
    long_lie_s: float = 20.0
    wearable_enter: float = 0.6

    def __post_init__(self) -> None:
        if not 0.0 < self.exit <= self.enter <= 1.0:
            msg = (
                "exit and enter must satisfy 0 < exit <= enter <= 1,"
                f" got exit {self.exit} and enter {self.enter}"
            )
            raise ValueError(msg)
        for name in ("wearable_enter", "onset_score", "outcome_score", "both_score"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                msg = f"{name} must be from 0 to 1, got {value}"
                raise ValueError(msg)
        for name in (
            "minimum_duration_s",
            "merge_gap_s",
            "settled_s",
            "onset_within_s",
            "long_lie_s",
            "longest_silence_s",
        ):
            value = getattr(self, name)
            if not 0.0 <= value < float("inf"):
                msg = f"{name} must be zero or more and finite, got {value}"
                raise ValueError(msg)
