"""The rooms of the study: simulated ones, rendered for it, and real recordings."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import final

from pipelines.clock import Clock
from pipelines.folders import make_folder
from pipelines.lab.data.footage import (
    LABELS_NAME,
    Footage,
    Recording,
    read_footage,
    write_labels,
)
from pipelines.lab.data.truth import Resolve, read_truth
from pipelines.lab.simulation.footage import (
    RecordingPlan,
    Stream,
    in_render_processes,
    render_recording,
)
from pipelines.lab.studies.drift.bank import (
    Room,
    RoomMeter,
    Scene,
    Segment,
    parts_of,
    read_scene,
)
from pipelines.lab.studies.drift.injections import (
    Injection,
    all_injections,
    other_meaning,
)
from pipelines.progress import Progress, counting
from pipelines.recognition import ActionRecognizer

MEASURED = ("picture", "camera", "meaning")
"""Kinds of injections that are applied to footage."""

_PICTURE_RATE_HZ = Fraction(8, 3)
"""One picture for each step of the frame grid; others would not be used."""
_SHORT_SEGMENT_S = 2.0
_LEAST_SEGMENTS = 3


@final
@dataclass(frozen=True, slots=True)
class Survey:
    """Measures rooms."""

    recognizer: ActionRecognizer
    resolve: Resolve
    clock: Clock
    seed: int
    on_progress: Progress
    injections: tuple[Injection, ...] = field(default_factory=all_injections)

    async def simulated(
        self, folder: Path, rooms: int, plain_s: float, changed_s: float
    ) -> list[Room]:
        """Render rooms, with the camera straight and turned, and measure them.

        Each room has ``plain_s`` seconds for the baseline, then ``changed_s`` for
        injections.
        """
        angles = sorted({injection.turned_deg for injection in self.injections} - {0.0})
        footage = {
            angle: self._render(
                folder / f"turned-{angle:g}",
                rooms,
                plain_s + changed_s,
                angle,
            )
            for angle in (0.0, *angles)
        }
        measured = []
        for place, recording in enumerate(footage[0.0]):
            turned = {
                angle: await self._read(recordings[place])
                for angle, recordings in footage.items()
            }
            usual, part = parts_of(turned[0.0], plain_s)
            meter = RoomMeter([usual], self.recognizer)
            note = f"room {place + 1} of {rooms}"
            plain = await meter.measure_plain()
            meaning = read_truth(recording.spans, other_meaning(self.resolve))
            changed = {
                "picture": part,
                "meaning": replace(part, truth=meaning),
            }
            scenes = {
                injection.name: parts_of(turned[injection.turned_deg], plain_s)[1]
                if injection.kind == "camera"
                else changed[injection.kind]
                for injection in self.injections
                if injection.kind in MEASURED
            }
            injected = await self._inject(meter, scenes, place, note)
            measured.append(Room(recording.file, plain, injected))
        return measured

    async def recorded(self, footage: Footage) -> list[Room]:
        """Measure real recordings of sufficient length, with changed pictures alone.

        Their segments are shorter than those of simulated rooms.
        """
        measured = []
        for place, recording in enumerate(footage.recordings):
            scene = await self._read(recording)
            meter = RoomMeter([scene], self.recognizer, segment_s=_SHORT_SEGMENT_S)
            plain = await meter.measure_plain()
            if len(plain) < _LEAST_SEGMENTS:
                continue
            scenes = {
                injection.name: scene
                for injection in self.injections
                if injection.kind == "picture"
            }
            injected = await self._inject(meter, scenes, place, recording.file)
            measured.append(Room(recording.file, plain, injected))
        return measured

    async def _read(self, recording: Recording) -> Scene:
        return await read_scene(recording, self.recognizer, self.resolve, self.clock)

    async def _inject(
        self,
        meter: RoomMeter,
        scenes: Mapping[str, Scene],
        place: int,
        note: str,
    ) -> dict[str, tuple[Segment, ...]]:
        """Measure each injection on its scene; the keys are names of injections."""
        injected: dict[str, tuple[Segment, ...]] = {}
        for injection in self.injections:
            if injection.name in scenes:
                injected[injection.name] = await meter.measure(
                    scenes[injection.name], injection.change, self.seed + place
                )
                stage = f"measuring {note}"
                self.on_progress(stage, len(injected), len(scenes), injection.name)
        return injected

    def _render(
        self, folder: Path, rooms: int, length_s: float, turned_deg: float
    ) -> tuple[Recording, ...]:
        make_folder(folder)
        plans = [
            RecordingPlan(Stream.FOOTAGE, self.seed, room, length_s, _PICTURE_RATE_HZ)
            for room in range(rooms)
        ]
        stage = f"rendering, turned by {turned_deg:g}°" if turned_deg else "rendering"
        done = counting(self.on_progress, stage, len(plans))
        render = partial(render_recording, folder, turned_deg=turned_deg)
        spans = in_render_processes(render, plans, None, done)
        rows = [row for plan in plans for row in spans[plan]]
        write_labels(folder / LABELS_NAME, rows)
        return read_footage(folder).recordings
