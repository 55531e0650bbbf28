"""Results of long studies, kept so that an interrupted run can go on.

The file has a JSON object a line: first what the study is, then one for each unit of
its work.
"""

import json
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar, cast, final

from pipelines.errors import PipelineError

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


@final
class KeptResults(Generic[Key, Result]):
    """The results of a study's units, which are dataclasses.

    Args:
        path: The file; created if missing.
        identity: What must be equal for the units of two runs to belong together, in
            JSON types.
        read: Makes a result of its JSON object.
        key: Returns which unit a result is of.

    Raises:
        PipelineError: If the file holds the results of another run, or is damaged.
        FolderError: If the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        identity: Mapping[str, Any],
        read: Callable[[dict[str, Any]], Result],
        key: Callable[[Result], Key],
    ) -> None:
        self._path, self._read_one, self._key = path, read, key
        self.done: dict[Key, Result] = {}
        if path.exists():
            self._read(dict(identity))
        else:
            path.write_text(json.dumps(identity) + "\n")

    def add(self, results: Iterable[Result]) -> None:
        """Append results."""
        with self._path.open("a") as file:
            for result in results:
                self.done[self._key(result)] = result
                file.write(json.dumps(asdict(cast("Any", result))) + "\n")

    def _read(self, identity: dict[str, Any]) -> None:
        """Read the results; drop a last line that an interrupted run left open."""
        text = self._path.read_text(encoding="utf-8", errors="replace")
        whole, _, rest = text.rpartition("\n")
        if rest:
            self._path.write_text(whole + "\n")
        try:
            first, *results = map(json.loads, whole.splitlines())
            if first != json.loads(json.dumps(identity)):
                msg = f"{self._path}: holds another study; choose another folder"
                raise PipelineError(msg)
            for each in results:
                result = self._read_one(each)
                self.done[self._key(result)] = result
        except (ValueError, KeyError, TypeError) as err:
            msg = f"{self._path}: is damaged; remove it or choose another folder"
            raise PipelineError(msg) from err
