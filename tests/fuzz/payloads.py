"""Payloads of wearables through the receiver, and the JSON files that we read back."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from models.calibration import read_calibrations
from models.errors import ModelError
from pipelines.errors import BaselineError, PayloadError
from pipelines.live.drift.baseline_file import BaselineFile, BaselineKeeper
from pipelines.live.drift.subject import Origin, SubjectDrift
from pipelines.sources.wearable.device_clock import ImuClock
from pipelines.sources.wearable.receiver import ImuReceiver
from tests.fakes import FakeClock
from tests.fuzz.mutation import changed, dumped, shaken, without_secret

_AXES = ("accel_x", "accel_y", "accel_z", "gyro_x", "gyro_y", "gyro_z")
_START_S = 1_700_000_000
_LIFE = 500
"""Messages of one wearable, before another begins."""


def own_form(rng: Random) -> dict[str, Any]:
    """Return a payload of our own form."""
    rows = rng.choice((1, 2, 5))
    return {
        "v": 1,
        "t_s": _START_S + rng.uniform(-5, 5),
        "rate_hz": rng.choice((1, 50, 200.5, 4000)),
        "accel_mps2": [[rng.gauss(0, 5) for _ in "xyz"] for _ in range(rows)],
        "gyro_radps": [[rng.gauss(0, 2) for _ in "xyz"] for _ in range(rows)],
    }


def senml(rng: Random) -> list[Any]:
    """Return a SenML pack."""
    first = {"bn": "urn:dev:mac:0024befffe804ff1:", "bt": _START_S, "bver": 10}
    records: list[dict[str, Any]] = []
    for row in range(rng.choice((1, 2))):
        for axis in _AXES:
            unit = "m/s2" if axis.startswith("accel") else "rad/s"
            value = rng.gauss(0, 1)
            records.append({"n": axis, "u": unit, "v": value, "t": row / 50})
    if rng.random() < 0.3:
        first["bt"] = -1
    records[0] = {**first, **records[0]}
    return [*records, {"n": "battery", "u": "%EL", "v": 80}]


class Wearable:
    """A receiver that is given payloads; ``PayloadError`` is the one way out."""

    def __init__(self) -> None:
        self._count = 0
        self._pool: list[bytes] = []

    def make(self, rng: Random) -> bytes:
        """Return a payload: changed as a value, as bytes, or both."""
        if len(self._pool) < 500 or rng.random() < 0.3:
            value: Any = own_form(rng) if rng.random() < 0.5 else senml(rng)
            for _ in range(rng.choice((0, 1, 1, 2))):
                value = changed(value, rng)
            self._pool = [*self._pool[-499:], dumped(value)]
            return self._pool[-1]
        return shaken(without_secret(rng.choice(self._pool)), rng)

    def take(self, payload: bytes) -> str:
        """Give it to the receiver; return what would be logged."""
        if self._count % _LIFE == 0:
            self._receiver = ImuReceiver("wrist", "ward/imu/wrist", ImuClock())
        self._count += 1
        arrival_ns = _START_S * 10**9 + self._count % _LIFE * 20_000_000
        try:
            batch = self._receiver.take(payload, arrival_ns)
        except PayloadError as error:
            return f"{error} {error!r}"
        if batch is not None:
            times_ns = batch.timestamps_ns
            assert len(times_ns) > 0
            assert (np.diff(times_ns) >= 0).all()
            assert np.isfinite(batch.accel_mps2).all()
            assert np.isfinite(batch.gyro_radps).all()
        return repr(self._receiver.counts)


class Kept:
    """Files of what is normal, and of calibration, read back after a fault."""

    def __init__(self, folder: Path) -> None:
        self._clock = FakeClock()
        self._path = folder / "kept.json"
        self._lines = _Lines()
        logging.getLogger("pipelines.live.drift.baseline_file").addHandler(self._lines)
        self._keeper().keep()
        self._good = self._path.read_bytes()

    def make(self, rng: Random) -> bytes:
        """Return the content of a file."""
        if rng.random() < 0.3:
            entry = {"video": {"temperature": 1.0, "cosine_floor": 0.2, "clips": 5}}
            value = {"version": 1, "entries": {"a b": entry}}
            return dumped(changed(value, rng))
        if rng.random() < 0.5:
            return dumped(changed(json.loads(self._good), rng))
        return shaken(self._good, rng)

    def take(self, content: bytes) -> str:
        """Read it as each kind of file; return what would be shown."""
        self._path.write_bytes(content)
        self._lines.texts.clear()
        said = [repr(self._keeper().open())]
        readers: tuple[Callable[[], object], ...] = (
            lambda: BaselineFile(self._path).read(self._clock.now_ns()),
            lambda: read_calibrations(self._path, "a", "b"),
        )
        for read in readers:
            try:
                read()
            except (BaselineError, ModelError) as error:
                said.append(f"{error} {error!r}")
        return " ".join((*said, *self._lines.texts))

    def _keeper(self) -> BaselineKeeper:
        drift = {"bed": SubjectDrift("bed", Origin("a", "b", "rtsp://h/s"))}
        return BaselineKeeper(BaselineFile(self._path), drift, self._clock)


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))
