"""How a watcher thins the pictures of its cameras during an overload."""

import logging
from collections.abc import Callable

from pipelines.clock import seconds_to_ns
from pipelines.live.subject import WatchSettings
from pipelines.live.thinning import Thinning
from pipelines.live.views import picture_form
from pipelines.recognition import RecognizerInfo

logger = logging.getLogger(__name__)

_MOST_S = 30.0
"""Longest time from one used picture of a camera to the next. A limit that is reached
would make some cameras wait for ever, so it is far beyond what is of use."""


def build_thinning(
    watcher: str,
    info: RecognizerInfo,
    settings: WatchSettings,
    on_change: Callable[[], None],
) -> Thinning:
    """Build the thinning of a watcher; each change is logged.

    Args:
        watcher: Name of the watcher, for the log.
        info: The recogniser, whose view decides how many pictures cameras deliver.
        settings: The chain's, with the frame grid.
        on_change: Called after each change.
    """

    def changed(every: int) -> None:
        if every > 1:
            logger.warning("%s is overloaded: it uses 1 of %d pictures", watcher, every)
        else:
            logger.warning("%s uses all pictures again", watcher)
        on_change()

    form = picture_form(info, settings.windows)
    most = seconds_to_ns(_MOST_S) // form.step_ns
    return Thinning(form.step_ns, most, settings.thinning, changed)
