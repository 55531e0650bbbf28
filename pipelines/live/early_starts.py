"""Urgent events that the camera shows while its windows wait for the wearable.

A detector of its own follows what the camera shows *now*: each held window as the
camera alone sees it, each other window as it is answered. When it starts an urgent
event, the subject's detector, which is behind by the wait, takes that episode over::

    camera now    . . # # # S              S: reported at once, with its id
    answered      . . . . [ - - # # # -    the same episode, refined by the samples

So a fall that the camera shows is reported no later than without a wearable. There is
one report for each episode of the camera's view: where the samples contradict it, the
episode ends by the usual rules and is not reported again. Only urgent events go ahead
(``RecognizerInfo.urgent_events``): for the others, the better answer is worth the wait.
"""

from typing import final

from pipelines.live.events import EventDetector
from pipelines.records import ActionEvent, Prediction


@final
class EarlyStarts:
    """Finds the starts of urgent events of one subject ahead of the wearable.

    Args:
        answered: Follows the predictions that are reported.
        ahead: Follows what the camera shows; a detector with the same settings.
        urgent: Names of the urgent events.
    """

    def __init__(
        self, answered: EventDetector, ahead: EventDetector, urgent: frozenset[str]
    ) -> None:
        self._answered, self._ahead, self._urgent = answered, ahead, urgent

    def preview(self, prediction: Prediction) -> list[ActionEvent]:
        """Take a held window as the camera sees it; return what is reported at once."""
        return [
            event
            for event in self._ahead.update(prediction)
            if event.state == "started"
            and event.name in self._urgent
            and self._answered.adopt(event)
        ]

    def follow(self, prediction: Prediction) -> None:
        """Take the answer of a window that was not previewed."""
        self._ahead.update(prediction)
