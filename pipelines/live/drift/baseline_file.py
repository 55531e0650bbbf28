"""A file that keeps the drift baselines of all subjects across restarts."""

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
_RELEARNT = "the baseline is learnt again"


@final
class BaselineFile:
    """A JSON file of the return values of ``SubjectDrift.snapshot``, by subject.

    The file is replaced atomically; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._warned_ahead = False

    def read(self, now_ns: int) -> Mapping[str, Any]:
        """Return the memory of every subject; an empty mapping if there is no file.

        Raises:
            BaselineError: If the file is damaged or of another version.
        """
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, RecursionError, ValueError) as err:
            raise BaselineError(str(self.path), f"cannot be read: {err}") from err
        try:
            version, saved_at_ns = content["version"], int(content["saved_at_ns"])
            ns_to_seconds(saved_at_ns)  # raises if the number is too large for a time
            subjects = dict(content["subjects"])
        except (LookupError, OverflowError, TypeError, ValueError) as err:
            problem = "is no baseline file: version, saved_at_ns or subjects is missing"
            raise BaselineError(str(self.path), problem) from err
        if version != _VERSION:
            problem = f"has version {version}, expected {_VERSION}"
            raise BaselineError(str(self.path), problem)
        ahead_ns = saved_at_ns - now_ns
        if ahead_ns > _TOLERANCE_NS and not self._warned_ahead:
            logger.warning(
                "%s: was saved %s in the future: the clock was set back, or is not set"
                " yet; it is used all the same",
                self.path,
                span_text(ahead_ns),
            )
            self._warned_ahead = True
        return subjects

    def write(self, subjects: Mapping[str, Any], now_ns: int) -> None:
        """Replace these subjects' entries; keep the others if the file is readable.

        Raises:
            BaselineError: If the file cannot be written.
        """
        try:
            others = self.read(now_ns)
        except BaselineError:  # ``BaselineKeeper.open`` has logged it
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
    """Restores the subjects' drift memory from a file, and saves it.

    Without a file it keeps nothing.
    """

    def __init__(
        self, file: BaselineFile | None, drift: Mapping[str, SubjectDrift], clock: Clock
    ) -> None:
        self._file, self._drift, self._clock = file, drift, clock

    def open(self, *, relearn: bool = False) -> list[DriftRecord]:
        """Restore the memory of every subject; return alerts and statuses.

        A damaged file or entry is logged in one line, and its subjects learn again from
        the start. With ``relearn``, every subject does.
        """
        now_ns, note, memories = self._clock.now_ns(), "", {}
        if self._file is not None and not relearn:
            try:
                memories = dict(self._file.read(self._utc_ns()))
            except BaselineError as err:
                note = f"{err}; {_RELEARNT}"
                logger.warning("%s", note)
        records: list[DriftRecord] = []
        for name, subject in self._drift.items():
            if name not in memories:
                records.append(subject.status(now_ns, note))
                continue
            try:
                records += subject.restore(memories[name], now_ns)
            except (LookupError, OverflowError, TypeError, ValueError) as err:
                damage = f"damaged ({redact(repr(err))}); {_RELEARNT}"
                damage = f"{self._path}: {name}: {damage}"
                logger.warning("%s", damage)
                records.append(subject.status(now_ns, damage))
        return records

    def keep(self) -> None:
        """Save the memory of every subject; log a failure, such as a full disk."""
        if self._file is None:
            return
        memories = {name: subject.snapshot() for name, subject in self._drift.items()}
        try:
            self._file.write(memories, self._utc_ns())
        except BaselineError as err:
            logger.warning("%s; the drift baselines are not saved", err)

    def _utc_ns(self) -> int:
        return self._clock.now_ns() + self._clock.correction_ns()

    @property
    def _path(self) -> str:
        return "" if self._file is None else str(self._file.path)
