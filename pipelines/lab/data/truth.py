"""The truth of a recording according to its labels: spans, falls, hard negatives.

A fall is a span of *falling*, joined with the *fallen* that follows it:

    label   standing [falling)[fallen------------) sitting
    fall             [-----------------------------)
                     onset    down                 end

*lying* alone means lying in bed, but *fallen* after a fall in the same recording. A
label that the prompt set does not know is *other*.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pipelines.clock import NS_PER_S, seconds_to_ns
from pipelines.lab.data.footage import HARD_NEGATIVE, LabelledSpan

OTHER = "other"
"""The label of anything that the prompt set has no label for."""

FALLING, FALLEN, LYING_IN_BED = "falling", "fallen", "lying in bed"
_AMBIGUOUS = "lying"

JOIN_GAP_NS = NS_PER_S
"""Longest gap between a fall and the *fallen* that belongs to it; hand-made labels
leave gaps."""

Resolve = Callable[[str], str | None]
"""Returns a prompt set's label for a label or an alias, or ``None``."""


@dataclass(frozen=True, slots=True)
class TrueSpan:
    """A span with one true label; ``text`` and ``notes`` are as written."""

    label: str
    start_ns: int
    end_ns: int
    text: str = ""
    notes: str = ""

    @property
    def hard_negative(self) -> bool:
        """Whether it looks like a fall but is not one."""
        return HARD_NEGATIVE in self.notes.casefold()


@dataclass(frozen=True, slots=True)
class TrueFall:
    """One fall: ``down_ns`` is the end of *falling*, ``end_ns`` that of *fallen*."""

    onset_ns: int
    down_ns: int
    end_ns: int
    notes: str = ""


@dataclass(frozen=True, slots=True)
class Truth:
    """What a recording shows, each kind in time order.

    Attributes:
        spans: Every labelled span; they may overlap.
        falls: The falls.
        fallen: The *fallen* spans, including those of the falls.
        long_lies: The *fallen* spans that no fall precedes, without hard negatives: the
            person lay there when the recording began.
        hard_negatives: Spans that look like a fall but are not; adjoining spans with
            the same notes are merged.
    """

    spans: tuple[TrueSpan, ...]
    falls: tuple[TrueFall, ...]
    fallen: tuple[TrueSpan, ...]
    long_lies: tuple[TrueSpan, ...]
    hard_negatives: tuple[TrueSpan, ...]

    def label_of(self, start_ns: int, end_ns: int) -> str | None:
        """Return the label that fills most of a window.

        Of equal shares, a label precedes *other*, and an earlier label a later one.
        Unlabelled time competes like a label.

        Returns:
            The label, or ``None`` if unlabelled time fills most.
        """
        # A window of one frame has no length; treat it as a moment.
        end_ns = max(end_ns, start_ns + 1)
        names = dict.fromkeys(span.label for span in self.spans)
        ranked = sorted(names, key=lambda name: name == OTHER)
        filled = {
            name: covered_ns(
                ((s.start_ns, s.end_ns) for s in self.spans if s.label == name),
                start_ns,
                end_ns,
            )
            for name in ranked
        }
        labelled_ns = covered_ns(
            ((s.start_ns, s.end_ns) for s in self.spans), start_ns, end_ns
        )
        best = max(filled, key=filled.__getitem__, default=None)
        if best is None or filled[best] < end_ns - start_ns - labelled_ns:
            return None
        return best


def read_truth(rows: Sequence[LabelledSpan], resolve: Resolve) -> Truth:
    """Convert the labels of one recording to its truth.

    *Falling* and *fallen* count even if the prompt set lacks them, because falls must
    be found with any prompts.
    """
    spans = _resolve_spans(rows, resolve)
    fallen = [span for span in spans if span.label == FALLEN]
    falls = _merge_falling(span for span in spans if span.label == FALLING)
    long_lies = []
    for span in fallen:
        index = _fall_before(falls, span)
        if index is not None:
            fall = falls[index]
            end_ns = max(fall.end_ns, span.end_ns)
            falls[index] = TrueFall(fall.onset_ns, fall.down_ns, end_ns, fall.notes)
        elif not span.hard_negative:
            long_lies.append(span)
    return Truth(
        spans=tuple(spans),
        falls=tuple(falls),
        fallen=tuple(fallen),
        long_lies=tuple(long_lies),
        hard_negatives=tuple(_merge_hard_negatives(spans)),
    )


def unknown_rows(
    rows: Iterable[LabelledSpan], resolve: Resolve
) -> dict[str, LabelledSpan]:
    """Find the labels that count as *other*, each with its first row."""
    found: dict[str, LabelledSpan] = {}
    for row in rows:
        if _resolve_plainly(row.label, resolve) == OTHER:
            found.setdefault(row.label, row)
    return found


def covered_ns(intervals: Iterable[tuple[int, int]], start_ns: int, end_ns: int) -> int:
    """Return how much of ``[start_ns, end_ns)`` the intervals cover together."""
    total_ns, reached_ns = 0, start_ns
    for begin_ns, stop_ns in sorted(intervals):
        begin_ns, stop_ns = max(begin_ns, reached_ns), min(stop_ns, end_ns)
        if stop_ns > begin_ns:
            total_ns += stop_ns - begin_ns
            reached_ns = stop_ns
    return total_ns


def _resolve_plainly(text: str, resolve: Resolve) -> str:
    name = text.strip().casefold()
    meant = resolve(LYING_IN_BED) if name == _AMBIGUOUS else None
    return meant or resolve(text) or (name if name in (FALLING, FALLEN) else OTHER)


def _resolve_spans(rows: Sequence[LabelledSpan], resolve: Resolve) -> list[TrueSpan]:
    spans: list[TrueSpan] = []
    fallen_before = False
    for row in sorted(rows, key=lambda row: (row.start_s, row.end_s)):
        label = _resolve_plainly(row.label, resolve)
        if fallen_before and row.label.strip().casefold() == _AMBIGUOUS:
            label = FALLEN
        fallen_before = fallen_before or label == FALLING
        start_ns, end_ns = seconds_to_ns(row.start_s), seconds_to_ns(row.end_s)
        spans.append(TrueSpan(label, start_ns, end_ns, row.label, row.notes))
    return spans


def _merge_falling(spans: Iterable[TrueSpan]) -> list[TrueFall]:
    falls: list[TrueFall] = []
    for span in spans:
        if falls and span.start_ns <= falls[-1].down_ns:
            last = falls.pop()
            end_ns = max(last.down_ns, span.end_ns)
            falls.append(TrueFall(last.onset_ns, end_ns, end_ns, last.notes))
        else:
            falls.append(TrueFall(span.start_ns, span.end_ns, span.end_ns, span.notes))
    return falls


def _fall_before(falls: Sequence[TrueFall], fallen: TrueSpan) -> int | None:
    for index in reversed(range(len(falls))):
        if falls[index].onset_ns <= fallen.start_ns:
            joined = fallen.start_ns <= falls[index].end_ns + JOIN_GAP_NS
            return index if joined else None
    return None


def _merge_hard_negatives(spans: Iterable[TrueSpan]) -> list[TrueSpan]:
    merged: list[TrueSpan] = []
    for span in spans:
        if not span.hard_negative:
            continue
        last = merged[-1] if merged else None
        if last and last.notes == span.notes and span.start_ns <= last.end_ns:
            end_ns = max(last.end_ns, span.end_ns)
            span = TrueSpan(last.label, last.start_ns, end_ns, last.text, last.notes)
            merged.pop()
        merged.append(span)
    return merged
