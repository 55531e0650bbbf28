"""The commands ``wardwatch study …`` that compare models on labelled clips.

They share their options and what is done with a result; each adds one function.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import typer

from services.commands.study_options import (
    ClipsOption,
    PromptsOption,
    QuickOption,
    SeedOption,
    SeedsOption,
    WorkOption,
    clips_of_set,
    study_size,
)
from services.commands.study_results import give_out
from services.commands.study_sets import (
    ClassesOption,
    DataOption,
    ListsOption,
    SetOption,
    SplitOption,
    choose_set,
    real_clips,
    ward_clips,
)
from services.commands.study_transfer import zero_shot_transfer
from services.options import JsonOption, ModelOption, OutOption
from services.progress import staged_bars

if TYPE_CHECKING:
    from pipelines.studies.models.laboratory import Laboratory, StudySize
    from pipelines.studies.models.result import StudyResult

Run = Callable[["Laboratory", "StudySize"], "StudyResult"]


@final
@dataclass(frozen=True, slots=True)
class _Study:
    """One command.

    Attributes:
        run: Makes the result.
        purpose: For the help.
        trains: Whether it wants the training split of a set as well.
    """

    run: Run
    purpose: str
    trains: bool = True


def add_model_studies(app: typer.Typer) -> None:
    """Add a command for each study."""
    for name, study in _STUDIES.items():
        app.command(name, help=study.purpose)(_command(study))
    app.command("zero-shot-transfer")(zero_shot_transfer)


def _command(study: _Study) -> Callable[..., None]:
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
            seed=seed,
            prompts=prompts,
            clips=clips_of_set(clips, quick=quick),
        )
        if choice is None:
            from pipelines.simulation.render_probe import require_rendering

            require_rendering()  # else an import fails with a traceback
        from models.bundled import CHECKPOINT_FOLDER
        from models.clip import load_clip
        from pipelines.data.folders import make_folder
        from pipelines.studies.models.laboratory import Laboratory

        if out is not None:
            make_folder(out)
        size = study_size(clips, seeds, quick=quick)
        clip = load_clip(model or CHECKPOINT_FOLDER)
        with staged_bars() as show:
            if choice is None:
                studied = ward_clips(clip, prompts, size.clips, seed, work, show)
                basis = (
                    f"Measured on {studied.amount} with the checkpoint {clip.name};"
                    " no public set and no pretrained CLIP was at hand."
                )
                learnt = _labels_learnt(model)
            else:
                studied = real_clips(choice, clip, show, trained_on=study.trains)
                basis = f"Measured on {studied.amount} with the checkpoint {clip.name}."
                learnt = None  # what it calls by other names it may have seen as well
            lab = Laboratory(
                studied.recognizer, studied.clips, basis, show, learnt=learnt
            )
            result = study.run(lab, size)
        give_out(result, out, as_json=as_json)

    return command


def _labels_learnt(model: str | None) -> tuple[str, ...] | None:
    """Return the ward's labels that a checkpoint has learnt, if that is known."""
    from models.bundled import CHECKPOINT_FOLDER
    from models.checkpoint import find_checkpoint
    from pipelines.training.default import labels_seen

    return labels_seen(find_checkpoint(model or CHECKPOINT_FOLDER))


def _zero_shot(lab: "Laboratory", _size: "StudySize") -> "StudyResult":
    from pipelines.studies.models.zero_shot import study_zero_shot

    return study_zero_shot(lab)


def _few_shot(lab: "Laboratory", size: "StudySize") -> "StudyResult":
    from pipelines.studies.models.few_shot import study_few_shot

    return study_few_shot(lab, size)


def _masking(lab: "Laboratory", size: "StudySize") -> "StudyResult":
    from pipelines.studies.models.masking import study_masking

    return study_masking(lab, size)


def _csn(lab: "Laboratory", size: "StudySize") -> "StudyResult":
    from pipelines.studies.models.csn import study_csn

    return study_csn(lab, size)


def _base_to_novel(lab: "Laboratory", size: "StudySize") -> "StudyResult":
    from pipelines.studies.models.base_to_novel import study_base_to_novel

    return study_base_to_novel(lab, size)


def _is_clip(lab: "Laboratory", size: "StudySize") -> "StudyResult":
    from pipelines.studies.models.is_clip import study_is_clip

    return study_is_clip(lab, size)


_STUDIES = {
    "zero-shot": _Study(
        _zero_shot,
        "Measure a checkpoint as it is: a clip against its middle frame, label by "
        "label, with the confusion of labels and a map of the clips.",
        trains=False,
    ),
    "few-shot": _Study(
        _few_shot,
        "Tune the five worst labels with a few clips of each: what they gain, what "
        "the others lose, and how naive fine-tuning collapses.",
    ),
    "masking": _Study(
        _masking,
        "Cover pictures at random and part by part: how far predictions scatter, and "
        "what they hang on.",
        trains=False,
    ),
    "csn": _Study(
        _csn,
        "Train class-specific noise on some rooms and measure it on others, whole and "
        "covered: does it gather what scatters, and is it right then?",
    ),
    "base-to-novel": _Study(
        _base_to_novel,
        "Train SC-CLIP on some labels, and measure it on these and on the others, "
        "beside CLIP as it is.",
    ),
    "is-clip": _Study(
        _is_clip,
        "Train IS-CLIP, pictures with a wearable, on some labels, and test it on "
        "others, with and without its parts and sensors.",
    ),
}
