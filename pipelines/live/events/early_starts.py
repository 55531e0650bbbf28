"""Early report of urgent events while windows wait for the wearable.

A second detector follows the camera *now*: it gets each held window's prediction from
the camera alone, and each other window's final prediction. When it starts an urgent
event, the subject's main detector, which is behind by the wait, adopts the episode::

    camera now    . . # # # S              S: reported at once, with its id
    answered      . . . . [ - - # # # -    the same episode, refined by the samples

So a fall that the camera shows is reported no later than without a wearable. Each
episode is reported once: if the samples contradict the camera, the episode ends by the
usual rules and is not reported again. Only urgent events
(``RecognizerInfo.urgent_events``) are reported early: for the others, the better answer
is worth the wait.
"""

from typing import final

from pipelines.live.events.detector import EventDetector
from pipelines.records import ActionEvent, Prediction


@final
class EarlyStarts:
    """Detector of urgent events of one subject before the wearable's samples arrive.

    Args:
        answered: Main detector, fed with the reported predictions.
        ahead: Second detector with the same settings, fed from the camera alone.
        urgent: Names of the urgent events.
    """

    def __init__(
        self, answered: EventDetector, ahead: EventDetector, urgent: frozenset[str]
    ) -> None:
        self._answered, self._ahead, self._urgent = answered, ahead, urgent

    def add_preview(self, prediction: Prediction) -> list[ActionEvent]:
        """Process a camera-only prediction; return the events to report at once."""
        return [
            event
            for event in self._ahead.update(prediction)
            if event.state == "started"
            and event.name in self._urgent
            and self._answered.adopt(event)
        ]

    def add_final(self, prediction: Prediction) -> None:
        """Process the final prediction of a window that was not previewed."""
        self._ahead.update(prediction)
