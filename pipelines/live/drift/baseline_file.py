"""What is normal for every subject, kept in a file across restarts."""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

from pipelines.clock import NS_PER_S, Clock, ns_to_seconds, span_text
from pipelines.errors import BaselineError
from pipelines.live.drift.subject import DriftRecord, SubjectDrift
from pipelines.redaction import redact

logger = logging.getLogger(__name__)

_VERSION = 1
_TOLERANCE_NS = 60 * NS_PER_S
_ANEW = "what is normal is learnt anew"


@final
class BaselineFile:
    """A JSON file of what ``SubjectDrift.memory`` returns, by subject.

    Args:
        path: Written whole or not at all; need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ahead_told = False

    def read(self, now_ns: int) -> Mapping[str, Any]:
        """Return every subject's memory; none if there is no file.

        Raises:
            BaselineError: If it is damaged or from another version.
        """
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, RecursionError, ValueError) as err:
            raise BaselineError(str(self.path), f"cannot be read: {err}") from err
        try:
            version, saved_at_ns = content["version"], int(content["saved_at_ns"])
            ns_to_seconds(saved_at_ns)  # refuses what is no time of any clock
            subjects = dict(content["subjects"])
        except (LookupError, OverflowError, TypeError, ValueError) as err:
            problem = "is no baseline file: version, saved_at_ns or subjects is missing"
            raise BaselineError(str(self.path), problem) from err
        if version != _VERSION:
            problem = f"has version {version}, expected {_VERSION}"
            raise BaselineError(str(self.path), problem)
        ahead_ns = saved_at_ns - now_ns
        if ahead_ns > _TOLERANCE_NS and not self._ahead_told:
            logger.warning(
                "%s: was saved %s in the future: the clock was set back, or is not set"
                " yet; it is used all the same",
                self.path,
                span_text(ahead_ns),
            )
            self._ahead_told = True
        return subjects

    def write(self, subjects: Mapping[str, Any], now_ns: int) -> None:
        """Replace what the file holds of these subjects; others stay if they can.

        Raises:
            BaselineError: If it cannot be written.
        """
        try:
            others = self.read(now_ns)
        except BaselineError:  # told when it was opened
            others = {}
        content = {
            "version": _VERSION,
            "saved_at_ns": now_ns,
            "subjects": {**others, **subjects},
        }
        part = self.path.with_suffix(f".{os.getpid()}.part")
        try:
            part.write_text(json.dumps(content), encoding="utf-8")
            part.replace(self.path)
        except OSError as err:
            problem = err.strerror or "cannot be written"
            raise BaselineError(str(self.path), problem) from err


@final
class BaselineKeeper:
    """Brings subjects their memory, and writes it down as it grows.

    Args:
        file: Where it is kept; None forgets it at the end.
        drift: The subjects.
        clock: Dates the file.
    """

    def __init__(
        self, file: BaselineFile | None, drift: Mapping[str, SubjectDrift], clock: Clock
    ) -> None:
        self._file, self._drift, self._clock = file, drift, clock

    def open(self, *, relearn: bool = False) -> list[DriftRecord]:
        """Bring every subject what is known of it; return how they stand.

        A file or an entry that cannot be believed is told of in one line, and that
        subject learns anew; so does everybody with ``relearn``.
        """
        now_ns, note, memories = self._clock.now_ns(), "", {}
        if self._file is not None and not relearn:
            try:
                memories = dict(self._file.read(self._utc_ns()))
            except BaselineError as err:
                note = f"{err}; {_ANEW}"
                logger.warning("%s", note)
        records: list[DriftRecord] = []
        for name, subject in self._drift.items():
            if name not in memories:
                records.append(subject.status(now_ns, note))
                continue
            try:
                records += subject.recall(memories[name], now_ns)
            except (LookupError, OverflowError, TypeError, ValueError) as err:
                told = f"{self._path}: {name}: damaged ({redact(repr(err))}); {_ANEW}"
                logger.warning("%s", told)
                records.append(subject.status(now_ns, told))
        return records

    def keep(self) -> None:
        """Write down what is known of every subject; a full disk stops nothing."""
        if self._file is None:
            return
        memories = {name: subject.memory() for name, subject in self._drift.items()}
        try:
            self._file.write(memories, self._utc_ns())
        except BaselineError as err:
            logger.warning("%s; it goes on without", err)

    def _utc_ns(self) -> int:
        return self._clock.now_ns() + self._clock.correction_ns()

    @property
    def _path(self) -> str:
        return "" if self._file is None else str(self._file.path)
