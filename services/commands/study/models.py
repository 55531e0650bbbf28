"""The commands ``wardwatch study …`` that compare models on labelled clips."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from services.commands.study.options import (
    ClassesOption,
    ClipsOption,
    DataOption,
    ListsOption,
    PromptsOption,
    QuickOption,
    SeedOption,
    SeedsOption,
    SetOption,
    SplitOption,
    choose_set,
    study_size,
)
from services.commands.study.results import present
from services.options import JsonOption, ModelOption, OutOption, WorkOption
from services.progress import staged_bars

if TYPE_CHECKING:
    from pipelines.lab.studies.models.laboratory import Laboratory, StudySize
    from pipelines.lab.studies.models.result import StudyResult


def add_model_studies(app: typer.Typer) -> None:
    """Add a command for each of the studies below."""
    for name, purpose in _STUDIES.items():
        app.command(name, help=purpose)(_command(name))


def _command(name: str) -> Callable[..., None]:
    def command(
        *,
        model: ModelOption = None,
        prompts: PromptsOption = None,
        set_name: SetOption = None,
        data: DataOption = None,
        lists: ListsOption = None,
        split: SplitOption = 1,
        classes: ClassesOption = None,
        clips: ClipsOption = None,
        seeds: SeedsOption = None,
        seed: SeedOption = 1,
        quick: QuickOption = False,
        work: WorkOption = None,
        out: OutOption = None,
        as_json: JsonOption = False,
    ) -> None:
        choice = choose_set(
            set_name,
            data,
            lists,
            split=split,
            classes=classes,
            clips=clips,
            quick=quick,
            seed=seed,
            prompts=prompts,
        )
        from models.bundled import PICTURE_CHECKPOINT_FOLDER
        from models.clip.encoder import load_clip
        from pipelines.lab.studies.studied_clips import WardChoice, open_laboratory

        size = study_size(clips, seeds, quick=quick)
        chosen = choice or WardChoice(prompts, size.clips, seed, work)
        clip = load_clip(model or PICTURE_CHECKPOINT_FOLDER)
        clip.require_pictures()
        with staged_bars() as show:
            trains = name not in _WITHOUT_TRAINING
            lab = open_laboratory(chosen, clip, model, show, trained_on=trains)
            result = _run(name, lab, size)
        present(result, out, as_json=as_json)

    return command


def _run(name: str, lab: "Laboratory", size: "StudySize") -> "StudyResult":
    from pipelines.lab.studies.models.base_to_novel import study_base_to_novel
    from pipelines.lab.studies.models.csn import study_csn
    from pipelines.lab.studies.models.few_shot import study_few_shot
    from pipelines.lab.studies.models.is_clip import study_is_clip
    from pipelines.lab.studies.models.masking import study_masking
    from pipelines.lab.studies.models.zero_shot import study_zero_shot

    studies: dict[str, Callable[[Laboratory, StudySize], StudyResult]] = {
        "few-shot": study_few_shot,
        "masking": study_masking,
        "csn": study_csn,
        "base-to-novel": study_base_to_novel,
        "is-clip": study_is_clip,
    }
    return study_zero_shot(lab) if name == "zero-shot" else studies[name](lab, size)


_STUDIES = {
    "zero-shot": "Measure a checkpoint without training: clips against their middle "
    "frames, label by label, with the confusion of labels and a map of the clips.",
    "few-shot": "Train the five worst labels with a few clips of each: their gain, the "
    "loss of the other labels, and the collapse after naive fine-tuning.",
    "masking": "Cover pictures at random and part by part: how far predictions "
    "scatter, and which parts they depend on.",
    "csn": "Train class-specific noise on some rooms and measure it on others, whole "
    "and covered: whether predictions scatter less, and whether they are right.",
    "base-to-novel": "Train SC-CLIP on some labels, and measure it on these and on the "
    "others, compared with unchanged CLIP.",
    "is-clip": "Train IS-CLIP, pictures with a wearable, on some labels, and test it "
    "on others, with and without its parts and sensors.",
}
_WITHOUT_TRAINING = {"zero-shot", "masking"}
"""These studies need no training split of a set."""
