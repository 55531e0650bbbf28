"""Conversion of one wearable's messages to samples on the pipeline clock.

A message is parsed, duplicate samples are dropped, the device's clock is corrected, and
samples in the future are refused. All dropped samples are counted. The connection is in
``pipelines.sources.wearable.source``.
"""

from collections import Counter
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Int64

from pipelines.clock import seconds_to_ns
from pipelines.errors import PayloadError
from pipelines.records import ImuBatch, TimeBase
from pipelines.sources.wearable.device_clock import ImuClock
from pipelines.sources.wearable.mapping import PayloadMapping
from pipelines.sources.wearable.payload import parse_imu_payload

_REMEMBERED_NS = seconds_to_ns(30.0)
_MOST_REMEMBERED = 20_000
_EQUAL_NS = 10_000
_NEVER_NS = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class ImuCounts:
    """Counts of a wearable's messages and samples since its source was constructed.

    Attributes:
        messages: Messages received.
        malformed: Messages dropped because they could not be parsed.
        retained: Messages dropped because the broker had retained them.
        samples: Samples passed on.
        duplicate_samples: Samples dropped because they were received before.
        future_samples: Samples refused because they were in the future after the
            correction.
        dropped_batches: Batches that a full buffer dropped.
        clock_steps: Number of times that the device's clock was set.
        clock_offset_ns: Pipeline time minus device time; None before the first batch.
    """

    messages: int = 0
    malformed: int = 0
    retained: int = 0
    samples: int = 0
    duplicate_samples: int = 0
    future_samples: int = 0
    dropped_batches: int = 0
    clock_steps: int = 0
    clock_offset_ns: int | None = None


@final
class ImuReceiver:
    """Converter of one device's messages to batches, with counts of dropped data.

    ``mapping`` describes the messages of a vendor.

    Attributes:
        time_base: Clock of the timestamps of the last batch.
    """

    def __init__(
        self,
        subject_id: str,
        topic: str,
        clock: ImuClock,
        mapping: PayloadMapping | None = None,
    ) -> None:
        self._subject_id = subject_id
        self._mapping = mapping
        self._topic = topic
        self._clock = clock
        self._seen_ns: Int64[np.ndarray, " sample"] = np.empty(0, np.int64)
        self._counter: Counter[str] = Counter()  # by the names in ImuCounts
        self.time_base: TimeBase = "arrival"

    @property
    def counts(self) -> ImuCounts:
        """Counts so far."""
        return ImuCounts(
            clock_steps=self._clock.steps,
            clock_offset_ns=self._clock.offset_ns,
            **self._counter,
        )

    def take(self, payload: bytes, arrival_ns: int) -> ImuBatch | None:
        """Convert and count a message.

        Returns:
            The new samples, or None if there is no usable one.

        Raises:
            PayloadError: If the message is malformed; it is counted.
        """
        self._counter["messages"] += 1
        try:
            raw = parse_imu_payload(
                payload,
                topic=self._topic,
                arrival_ns=arrival_ns,
                mapping=self._mapping,
            )
        except PayloadError:
            self._counter["malformed"] += 1
            raise
        unseen = self._unseen(raw.device_ns)
        self._counter["duplicate_samples"] += int(np.count_nonzero(~unseen))
        if not unseen.any():
            return None
        raw = raw.take(unseen)
        first_ns, last_ns = int(raw.device_ns[0]), int(raw.device_ns[-1])
        steps_before = self._clock.steps
        offset_ns = self._clock.correct(first_ns, last_ns, arrival_ns)
        if offset_ns is None:
            self._counter["future_samples"] += len(raw.device_ns)
            return None
        if self._clock.steps != steps_before:  # equal times are no duplicates now
            self._seen_ns = np.empty(0, np.int64)
        self._remember(raw.device_ns)
        self._counter["samples"] += len(raw.device_ns)
        self.time_base = "arrival" if raw.relative else "sender"
        return raw.on_pipeline_clock(self._subject_id, offset_ns)

    def skip_retained(self) -> None:
        """Count a retained message, which is dropped because its age is unknown."""
        self._counter["messages"] += 1
        self._counter["retained"] += 1

    def _unseen(
        self, device_ns: Int64[np.ndarray, " sample"]
    ) -> Bool[np.ndarray, " sample"]:
        """Return a mask of the new samples; equal times may differ by rounding."""
        after = np.searchsorted(self._seen_ns, device_ns - _EQUAL_NS)
        ends_ns = np.append(self._seen_ns, _NEVER_NS)
        unseen: Bool[np.ndarray, " sample"] = ends_ns[after] > device_ns + _EQUAL_NS
        return unseen

    def _remember(self, device_ns: Int64[np.ndarray, " sample"]) -> None:
        seen_ns = np.sort(np.concatenate([self._seen_ns, device_ns]))
        recent = seen_ns >= seen_ns[-1] - _REMEMBERED_NS
        self._seen_ns = seen_ns[recent][-_MOST_REMEMBERED:]
