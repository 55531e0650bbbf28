"""A child process that is read line by line: a broker, or a server of cameras."""

import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Literal, final

_LINES_KEPT = 1000
_STOP_S = 0.5
_STOP_ATTEMPTS = 10


@final
class ChildProcess:
    """Runs a command, and reads one of its streams in a thread.

    The other stream is this process's own.

    Attributes:
        pid: The process's id.
        last_line: The latest line read; empty before the first.
        has_ended: Whether the stream is closed, so that no line will follow.
    """

    def __init__(
        self,
        command: Sequence[str],
        stream: Literal["stdout", "stderr"],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if stream == "stdout" else None,
            stderr=subprocess.PIPE if stream == "stderr" else None,
            text=True,
            errors="replace",
            env=environment,
            process_group=0,  # keeps a terminal's Ctrl-C from the child: we stop it
        )
        self.pid = self._process.pid
        self.last_line = ""
        self.has_ended = False
        self._unread: deque[str] = deque(maxlen=_LINES_KEPT)
        self._news = threading.Condition()
        lines = self._process.stdout or self._process.stderr
        assert lines is not None  # one of them is a pipe
        self._reader = threading.Thread(
            target=self._read, args=(lines,), name=f"lines of {self.pid}"
        )
        self._reader.start()

    def next_line(self, part: str, within_s: float) -> str | None:
        """Return the next line that contains ``part``; earlier lines are discarded.

        Returns:
            The line, or None if it does not come in time or the stream is closed.
        """
        found: list[str] = []

        def search() -> bool:
            while self._unread and not found:
                line = self._unread.popleft()
                if part in line:
                    found.append(line)
            return bool(found) or self.has_ended

        with self._news:
            self._news.wait_for(search, within_s)
        return found[0] if found else None

    def send_signal(self, number: int) -> None:
        """Send a signal to the process."""
        self._process.send_signal(number)

    def stop(self) -> None:
        """End the process, by force if necessary, and return when it has ended."""
        for _ in range(_STOP_ATTEMPTS):
            self._process.terminate()  # again, since mosquitto loses it while it starts
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_S)
                break
        else:
            self._process.kill()
            self._process.wait()
        self._reader.join()

    def _read(self, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                with self._news:
                    self.last_line = line.strip()
                    self._unread.append(self.last_line)
                    self._news.notify_all()
        with self._news:
            self.has_ended = True
            self._news.notify_all()
