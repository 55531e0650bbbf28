"""The course of each subject's drift detection, a row for each of its blocks."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import final

from sqlalchemy import Connection, select

from services.store.database import Database, replace_row
from services.store.tables import drift_blocks


@dataclass(frozen=True, slots=True)
class DriftBlock:
    """What drift detection found in a block.

    Attributes:
        subject_id: Name of the subject.
        at_ns: End of the block, UTC.
        confidence: Mean confidence of its answers, 0 to 1; None without any.
        level: How near drift detection is to an alert, 0 to 1; None while it learns.
    """

    subject_id: str
    at_ns: int
    confidence: float | None
    level: float | None


@final
class DriftBlocks:
    """The blocks of a store. Every method raises ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, blocks: Iterable[DriftBlock]) -> None:
        """Store blocks, each in place of the one of the same subject and time."""

        def work(connection: Connection) -> None:
            for block in blocks:
                replace_row(connection, drift_blocks, asdict(block))

        self._database.do(work)

    def within(self, subject_id: str, from_ns: int, to_ns: int) -> list[DriftBlock]:
        """Return a subject's blocks that end in ``[from_ns, to_ns)``, in order."""
        at_ns = drift_blocks.c.at_ns
        chosen = drift_blocks.c.subject_id == subject_id, at_ns >= from_ns
        query = select(drift_blocks).where(*chosen, at_ns < to_ns).order_by(at_ns)
        return [
            DriftBlock(row.subject_id, row.at_ns, row.confidence, row.level)
            for row in self._database.rows(query)
        ]
