"""An open store: its parts, and what the hub stores in one transaction."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import final

from sqlalchemy import URL, Connection

from pipelines.live.alarms import Alarm
from pipelines.records import ActionEvent
from services.errors import StoreError
from services.store.alarms import Alarms, put_alarms
from services.store.answers import Answers, settle_answers
from services.store.audit import Audit
from services.store.clips import Clips
from services.store.coverage import Coverage
from services.store.database import Database
from services.store.drift_blocks import DriftBlocks
from services.store.events import Events, add_events
from services.store.live import LiveStates, PoseTracks
from services.store.notes import Notes, keep_for_site, require_site
from services.store.notices import Notice, Notices, add_notices
from services.store.outbox import Message, Outbox, add_messages
from services.store.receipts import Receipts
from services.store.schema import migrate, require_current


@final
class Store:
    """All parts of a store, on one database; every method raises ``StoreError``.

    Attributes:
        database: The database.
        outbox: Messages until they are delivered.
        events: Episodes that go on, and the history of all.
        alarms: Open alarms, and the history of all.
        notices: Messages to phones and webhooks until they are taken.
        receipts: What became of all messages about an alarm.
        notes: What the hub must know after a restart.
        answers: Answers of people that a console writes.
        live: The present of each subject.
        pose_tracks: Poses around alarms.
        clips: Blurred clips of alarms, encrypted.
        coverage: How long each subject was watched.
        drift_blocks: The course of each subject's drift detection.
        audit: Who did what.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.outbox = Outbox(database)
        self.events = Events(database)
        self.alarms = Alarms(database)
        self.notices = Notices(database)
        self.receipts = Receipts(database)
        self.notes = Notes(database)
        self.answers = Answers(database)
        self.live = LiveStates(database)
        self.pose_tracks = PoseTracks(database)
        self.clips = Clips(database)
        self.coverage = Coverage(database)
        self.drift_blocks = DriftBlocks(database)
        self.audit = Audit(database)
        self._taking = threading.Lock()

    @classmethod
    def migrated(
        cls, url: URL, site: str | None = None, former_site: str | None = None
    ) -> "Store":
        """Open a store as its hub: create it or bring its tables up to date.

        Args:
            url: Where the store is.
            site: Name of the site whose store it must be; None for any.
            former_site: The site's former name, whose store it takes over.

        Raises:
            StoreError: If it cannot be created, written or updated, or if it is the
                store of another site.
        """
        database = Database(url)
        if database.is_file:
            _make_private_file(Path(database.name))

        def check(database: Database) -> None:
            migrate(database)
            if site is not None:
                keep_for_site(database, site, former_site)

        return cls._checked(database, check)

    @classmethod
    def joined(cls, url: URL, site: str | None = None) -> "Store":
        """Open a store that a hub has made, as a console does.

        Args:
            url: Where the store is.
            site: Name of the site whose store it must be; None for any.

        Raises:
            StoreError: If it cannot be read, if its tables are those of an older or
                a newer version, or if it is the store of another site.
        """
        database = Database(url)
        if database.is_file and not Path(database.name).exists():
            problem = "does not exist; start the hub with wardwatch run, which makes it"
            raise StoreError(database.name, problem)

        def check(database: Database) -> None:
            require_current(database)
            if site is not None:
                require_site(database, site)

        return cls._checked(database, check)

    @classmethod
    def _checked(cls, database: Database, check: Callable[[Database], None]) -> "Store":
        try:
            check(database)
        except StoreError:
            database.close()
            raise
        return cls(database)

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def take(
        self,
        messages: Sequence[Message],
        events: Mapping[str, ActionEvent],
        now_ns: int,
        alarms: Sequence[Alarm] = (),
        notices: Sequence[Notice] = (),
        outcomes: Mapping[int, str] = MappingProxyType({}),
    ) -> frozenset[str]:
        """Store messages, events, alarms, notices and outcomes in one transaction.

        Args:
            messages: Messages in the order of publishing.
            events: Events by the key of their message. An event that was stored before
                changes nothing, because its episode may be over.
            now_ns: Time of storing.
            alarms: Changed alarms, which replace those with the same id. Notices that
                wait are deleted with the end of their alarm, but for those that
                outlive it.
            notices: Notices to send.
            outcomes: What became of answers in the store, by their numbers.

        Returns:
            The keys of the new messages.
        """

        def work(connection: Connection) -> frozenset[str]:
            new = add_messages(connection, messages, now_ns)
            add_events(connection, (events[key] for key in events if key in new))
            put_alarms(connection, alarms)
            add_notices(connection, notices)
            settle_answers(connection, outcomes)
            return new

        # In PostgreSQL a second transaction could be on the disk before the first, and
        # its messages be published before those with smaller numbers.
        with self._taking:
            return self.database.do(work)


def _make_private_file(path: Path) -> None:
    """Create a file that its user alone can read, unless there is one.

    SQLite would let everybody on the machine read it.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
    except OSError as err:
        problem = err.strerror or "cannot be created"
        raise StoreError(str(err.filename or path), problem) from err
