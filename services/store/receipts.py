"""Receipts: what became of each message about an alarm, over every way."""

from dataclasses import dataclass
from typing import Literal, cast, final

from sqlalchemy import select

from pipelines.live.alarms import Alarm
from services.store.database import AnyRow, Database
from services.store.notes import CLOCK_CORRECTION, Notes
from services.store.tables import notices, outbox

ReceiptState = Literal["delivered", "unproven", "waiting", "given up"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one message about an alarm.

    Attributes:
        target: Name of a phone or a webhook; empty for MQTT.
        entry: Place of the entry in the alarm's history that the message is about.
        state: Whether it is delivered; ``unproven`` was sent over MQTT, and the broker
            has not proven it yet.
        done_ns: When it was delivered or given up, UTC; None if it was not, or if that
            is not known.
        refusals: How often the target has refused it.
        why: Why it was given up; empty if it was not.
    """

    target: str
    entry: int
    state: ReceiptState
    done_ns: int | None = None
    refusals: int = 0
    why: str = ""


@final
class Receipts:
    """The receipts of a store. Every method raises ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database, self._notes = database, Notes(database)

    def of_alarm(self, alarm: Alarm) -> list[Receipt]:
        """Return the receipts of an alarm in the order of its history.

        Those over MQTT are kept for a day, those of phones and webhooks as long as the
        alarm.
        """
        key = f"alarm {alarm.alarm_id} "  # and the length of its history then
        keys = [f"{key}{length}" for length in range(1, len(alarm.history) + 1)]
        published = self._database.rows(select(outbox).where(outbox.c.key.in_(keys)))
        moved = cast("int | None", self._notes.recall(CLOCK_CORRECTION)) or 0
        theirs = select(notices).where(notices.c.alarm_id == alarm.alarm_id)
        found = [_of_message(row, moved) for row in published]
        found += [_of_notice(row) for row in self._database.rows(theirs)]
        return sorted(found, key=lambda receipt: (receipt.entry, receipt.target))


def _of_message(row: AnyRow, moved_ns: int) -> Receipt:
    entry = int(row.key.rpartition(" ")[2]) - 1
    if row.delivered_ns is not None:
        return Receipt("", entry, "delivered", row.delivered_ns + moved_ns)
    return Receipt("", entry, "waiting" if row.unproven_ns is None else "unproven")


def _of_notice(row: AnyRow) -> Receipt:
    entry = int(row.key.rpartition(" ")[2])
    if row.is_taken:
        return Receipt(row.target, entry, "delivered", row.done_ns)
    if row.dead_why is not None:
        facts = row.done_ns, row.refusals, row.dead_why
        return Receipt(row.target, entry, "given up", *facts)
    return Receipt(row.target, entry, "waiting", refusals=row.refusals)
