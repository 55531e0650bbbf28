"""Where a hub is killed: named steps between receipt and acknowledgement.

    report ─▶ BEGIN ─▶ messages, events, alarms ─▶ COMMIT ─▶ acknowledgement
    answer ─▶ BEGIN ─▶ alarm, outcome ─▶ COMMIT
    publish ─▶ proof ─▶ BEGIN ─▶ delivery mark ─▶ COMMIT

The steps are found from outside, by SQLAlchemy's events in the process that is to die:
the hub's own code has no hooks for this.
"""

import os
import signal
from dataclasses import dataclass
from typing import Any, Final, final

from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import Pool

_STATEMENTS: Final = {
    "messages": "INSERT INTO outbox",
    "delivery mark": "UPDATE outbox SET delivered_ns",
    "answer": "UPDATE answers SET outcome",
}
_PHASES: Final = ("before", "before the commit of", "after the commit of")
ACKNOWLEDGED: Final = "before the acknowledgement"
RANDOM: Final = "at a random moment"
STEPS: Final = (
    *(f"{phase} the {name}" for name in _STATEMENTS for phase in _PHASES),
    ACKNOWLEDGED,
)


@final
@dataclass(slots=True)
class Killer:
    """Kills its own process when a step is reached for the ``count``-th time."""

    step: str
    count: int

    def reach(self, step: str) -> None:
        """Die if this is the step."""
        if step != self.step:
            return
        self.count -= 1
        if self.count <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch_databases(self) -> None:
        """Find the steps of every database of this process."""
        event.listen(Engine, "before_cursor_execute", self._before_statement)
        event.listen(Engine, "commit", self._before_commit)
        event.listen(Pool, "checkin", self._returned)

    def _before_statement(
        self, connection: Connection, cursor: object, statement: str, *_: object
    ) -> None:
        del cursor
        for name, beginning in _STATEMENTS.items():
            if statement.startswith(beginning):
                self.reach(f"before the {name}")
                connection.info["step"] = name

    def _before_commit(self, connection: Connection) -> None:
        name = connection.info.pop("step", None)
        if name is not None:
            self.reach(f"before the commit of the {name}")
            connection.info["committed"] = name

    def _returned(self, connection: object, record: Any) -> None:  # noqa: ANN401
        """Find that a transaction is over: its connection is back in the pool."""
        del connection
        record.info.pop("step", None)
        name = record.info.pop("committed", None)
        if name is not None:
            self.reach(f"after the commit of the {name}")
