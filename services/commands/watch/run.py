"""One run of ``wardwatch watch``: the chain of one subject, from sources to records."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

import typer

from pipelines.sources.camera.rtsp_access import RtspAccess
from services import signals
from services.commands.watch.output import show_statuses, showing
from services.commands.watch.sources import Sources, open_subject

if TYPE_CHECKING:
    from models.recognizer import ClipRecognizer
    from models.window import Modality
    from pipelines.clock import Clock
    from pipelines.in_process import InProcessRecognizer
    from pipelines.live.subject import Record, Subject, WatchSettings
    from pipelines.records import SourceStatus
    from pipelines.sources.recording.report import RecordingReport
    from services.contact_sheets import ContactSheets

_CALIBRATION_FIXES = {
    "fused": "wardwatch model calibrate FOOTAGE",
    "video": "wardwatch model calibrate FOOTAGE --wearable none",
    "imu": "wardwatch model calibrate FOOTAGE --wearable-only",
}


@final
@dataclass(frozen=True, slots=True)
class WatchRun:
    """One run of the command, from its first picture to its last.

    Without a ``baseline`` nothing is kept; ``relearn`` ignores what the file holds.
    ``sheets`` is the folder for contact sheets of what the model saw, if any.
    """

    sources: Sources
    rtsp: RtspAccess
    clock: "Clock"
    origin_ns: int
    settings: "WatchSettings"
    clip: "ClipRecognizer"
    baseline: Path | None
    relearn: bool
    sheets: Path | None = None

    def show(self, *, as_json: bool) -> None:
        """Watch, and show each record, until the sources end or Ctrl-C.

        Raises:
            typer.BadParameter: If recognition needs pictures and there is no camera.
            SourceError: If a source fails, or too few pictures could be decoded.
        """
        from pipelines.in_process import InProcessRecognizer

        if self.sources.camera is None and self.clip.scorer.needs_frames:
            msg = "a wearable alone needs an adaptation of the kind is-clip, as shipped"
            raise typer.BadParameter(msg, param_hint="--imu")
        if self.sources.zones and self.clip.clip.card.view == "picture":
            msg = (
                f"{self.clip.name} is shown whole pictures, in which no people are"
                " found; use --view person, or another --model"
            )
            raise typer.BadParameter(msg, param_hint="--zones")
        reports: list[RecordingReport] = []
        with InProcessRecognizer(self.clip) as recognizer:
            shown = showing(
                self.sources,
                None if self.sources.live else self.origin_ns,
                self.clock,
                self.clip.prompt_set.events,
                as_json=as_json,
            )
            try:
                with shown as show:
                    signals.run(self._follow(recognizer, reports.append, show))
            except KeyboardInterrupt:
                raise typer.Exit(0) from None
        for report in reports:
            report.refuse_unwatched(str(self.sources))
            if report.line:
                typer.echo(f"wardwatch: {self.sources}: {report.line}", err=True)

    async def _follow(
        self,
        recognizer: "InProcessRecognizer",
        on_report: "Callable[[RecordingReport], None]",
        show: "Callable[[Record], None]",
    ) -> None:
        from pipelines.live.views import picture_form

        form = picture_form(recognizer.info, self.settings.windows)
        statuses: asyncio.Queue[SourceStatus] = asyncio.Queue()
        opened = open_subject(
            self.sources,
            clock=self.clock,
            origin_ns=self.origin_ns,
            image_size_px=form.side_px,
            step_ns=form.step_ns,
            rtsp=self.rtsp,
            on_report=on_report,
            on_status=statuses.put_nowait if self.sources.live else None,
        )
        async with show_statuses(statuses, show), opened as subject:
            await self._recognize(recognizer, subject, show)

    async def _recognize(
        self,
        recognizer: "InProcessRecognizer",
        subject: "Subject",
        show: "Callable[[Record], None]",
    ) -> None:
        from pipelines.live.drift.baseline_file import BaselineFile, BaselineKeeper
        from pipelines.live.watch import Watch
        from pipelines.records import DriftStatus, Prediction

        sheets = None if self.sheets is None else self._contact_sheets(self.sheets)
        chain = Watch(
            [subject],
            recognizer,
            self.clock,
            self.settings,
            reports_statuses=not self.sources.live,  # else each would be shown twice
            on_view=None if sheets is None else sheets.view,
        )
        kept = None if self.baseline is None else BaselineFile(self.baseline)
        keeper = BaselineKeeper(kept, chain.drift, self.clock)
        for status in keeper.open(relearn=self.relearn):
            show(status)
        calibrated = set(self.clip.calibrations)
        with sheets or nullcontext():
            async with aclosing(chain.records()) as records:
                async for record in records:
                    if isinstance(record, Prediction):
                        _warn_once(record.modality, calibrated)
                        if sheets is not None:
                            sheets.add(record)
                    show(record)
                    if isinstance(record, DriftStatus):
                        keeper.keep()
        keeper.keep()

    def _contact_sheets(self, folder: Path) -> "ContactSheets":
        from services.contact_sheets import ContactSheets
        from services.live_view import time_text

        origin_ns = None if self.sources.live else self.origin_ns
        return ContactSheets(
            folder,
            lambda ns: time_text(ns, origin_ns, self.clock),
            self.clip.clip.card.view,
        )


def _warn_once(modality: "Modality", calibrated: "set[Modality]") -> None:
    """Warn if a modality's confidence is not calibrated, once for each modality."""
    if modality in calibrated:
        return
    typer.echo(
        "wardwatch: confidence is not calibrated for this checkpoint, these prompts and"
        f" {modality}: {_CALIBRATION_FIXES[modality]}",
        err=True,
    )
    calibrated.add(modality)
