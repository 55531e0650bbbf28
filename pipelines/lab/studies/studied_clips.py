"""The clips that a study of models runs on, and the laboratory for them.

SetChoice ──▶ video_clips ─┐
WardChoice ─▶ ward_clips ──┴─▶ StudiedClips ─▶ Laboratory
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import final

from models.bundled import PICTURE_CHECKPOINT_FOLDER
from models.clip.checkpoint import find_checkpoint
from models.clip.encoder import ClipEncoder
from models.prompts.prompt_file import bundled_prompt_set, load_prompt_set
from models.prompts.prompt_set import PromptSet
from models.recognizer import ClipRecognizer
from pipelines.lab.data.footage import read_footage
from pipelines.lab.data.public import PublicSet, RealSet
from pipelines.lab.simulation.render_probe import require_rendering
from pipelines.lab.studies.clip_set import ClipSet
from pipelines.lab.studies.models.laboratory import Laboratory
from pipelines.lab.studies.video_clips import (
    ReadClips,
    class_prompts,
    in_words_of,
    open_set,
    read_footage_clips,
    read_video_clips,
)
from pipelines.progress import Progress, counting


@final
@dataclass(frozen=True, slots=True)
class SetChoice:
    """Clips of a set of real videos.

    Attributes:
        name: Name of the set.
        data: Folder of the set.
        lists: Folder of its lists.
        split: Number of the official split, if there are several.
        classes: Number of classes, in alphabetical order; None for all.
        clips: Number of clips, evenly over labels; None for all.
        seed: Seed of the choice of clips.
        prompts: Prompt set with the same labels; None for the classes' names, and for
            footage the bundled set.
    """

    name: RealSet
    data: Path
    lists: Path
    split: int = 1
    classes: int | None = None
    clips: int | None = None
    seed: int = 1
    prompts: Path | None = None


@final
@dataclass(frozen=True, slots=True)
class WardChoice:
    """Clips of the simulated ward.

    Attributes:
        prompts: Prompt set; None is the bundled one.
        clips: Approximate number of clips.
        seed: Seed of the rooms.
        work: Folder that keeps rendered clips.
        for_use: Whether the clips train a model for use. Their rooms then differ from
            those of every study and of all simulated footage.
    """

    prompts: Path | None
    clips: int
    seed: int
    work: Path | None
    for_use: bool = False


@final
@dataclass(frozen=True, slots=True)
class StudiedClips:
    """Clips with a recogniser for their labels.

    ``amount`` describes the clips, as "120 clips of …".
    """

    recognizer: ClipRecognizer
    clips: ClipSet
    title: str
    amount: str


def read_clips(
    choice: SetChoice | WardChoice,
    clip: ClipEncoder,
    on_progress: Progress,
    *,
    trained_on: bool,
) -> StudiedClips:
    """Read clips of real videos, or render those of the simulated ward.

    With ``trained_on`` a set's official training split is included.

    Raises:
        PipelineError: If the clips cannot be read, or this machine cannot render.
    """
    if isinstance(choice, WardChoice):
        return _ward_clips(choice, clip, on_progress)
    if choice.name == "footage":
        prompts, read, amount = _read_footage(choice, clip, on_progress)
        title = f"the footage in {choice.data.resolve().name}"
    else:
        prompts, read, amount, title = _read_set(
            choice.name, choice, clip, on_progress, trained_on=trained_on
        )
    amount = f"{len(read.clips)} clips{amount}, prompts {prompts.id}"
    if read.unreadable:
        amount += f" ({read.unreadable} more could not be read)"
    return StudiedClips(ClipRecognizer(clip, prompts), read.clips, title, amount)


def open_laboratory(
    choice: SetChoice | WardChoice,
    clip: ClipEncoder,
    checkpoint: str | None,
    on_progress: Progress,
    *,
    trained_on: bool,
) -> Laboratory:
    """Read clips for a study of a checkpoint.

    The arguments are as in ``read_clips``; without a ``checkpoint`` it is the bundled
    one.

    Raises:
        PipelineError: If the clips cannot be read, or this machine cannot render.
    """
    studied = read_clips(choice, clip, on_progress, trained_on=trained_on)
    basis = f"Measured on {studied.amount} with the checkpoint {clip.name}"
    learnt = None  # labels of real sets may occur in its training under other names
    if isinstance(choice, WardChoice):
        from pipelines.lab.training.recipe_file import labels_seen

        basis += "; no public set and no pretrained CLIP was used"
        learnt = labels_seen(find_checkpoint(checkpoint or PICTURE_CHECKPOINT_FOLDER))
    return Laboratory(
        studied.recognizer, studied.clips, f"{basis}.", on_progress, learnt=learnt
    )


def read_prompts(path: Path | None) -> PromptSet:
    """Read a prompt set; None is the bundled one."""
    return bundled_prompt_set() if path is None else load_prompt_set(path)


@contextmanager
def kept_or_temporary(work: Path | None) -> Iterator[Path]:
    """Provide a folder, or a temporary one if none is named."""
    if work is not None:
        yield work
        return
    with TemporaryDirectory() as folder:
        yield Path(folder)


def _ward_clips(
    choice: WardChoice, clip: ClipEncoder, on_progress: Progress
) -> StudiedClips:
    require_rendering()  # before the next import, which fails with a traceback
    from pipelines.lab.simulation.footage import Stream
    from pipelines.lab.studies.pose_clips import draw_pose_clips
    from pipelines.lab.studies.ward_clips import plan_rooms, prepare_ward_clips

    stream = Stream.TRAINING if choice.for_use else Stream.FOOTAGE
    plans = plan_rooms(choice.clips, choice.seed, stream)
    recognizer = ClipRecognizer(clip, read_prompts(choice.prompts))
    labels = recognizer.prompt_set.labels
    if clip.card.view == "pose":
        rendered = draw_pose_clips(
            plans,
            labels,
            on_done=lambda lives: on_progress("rooms", lives, len(plans), ""),
        )
    else:
        clip.require_pictures()
        with kept_or_temporary(choice.work) as folder:
            rendered = prepare_ward_clips(
                folder,
                plans,
                labels,
                image_size_px=clip.image_size_px,
                on_done=counting(on_progress, "rooms", len(plans)),
            )
    rooms = len(set(rendered.groups.tolist()))
    title = "the simulated ward"
    amount = f"{len(rendered)} clips of {rooms} rooms of {title} (seed {choice.seed})"
    return StudiedClips(recognizer, rendered, title, amount)


def _read_set(
    name: PublicSet,
    choice: SetChoice,
    clip: ClipEncoder,
    on_progress: Progress,
    *,
    trained_on: bool,
) -> tuple[PromptSet, ReadClips, str, str]:
    found = open_set(name, choice.data, choice.lists, choice.split)
    prompts = class_prompts(found)
    if choice.prompts is not None:
        prompts = load_prompt_set(choice.prompts)
        found = in_words_of(found, prompts)
    if choice.classes is not None:
        kept = sorted(found.labels)[: choice.classes]
        prompts = prompts.without(set(found.labels) - set(kept))
        found = found.restricted(kept)
    wanted = ("train", "test") if trained_on else ("test",)
    videos = tuple(video for video in found.videos if video.split in wanted)
    read = read_video_clips(
        replace(found, videos=videos),
        prompts,
        clip.image_size_px,
        on_progress,
        count=choice.clips,
        seed=choice.seed,
    )
    parts = " and ".join(wanted)
    labels = f"{len(found.labels)} classes"
    return prompts, read, f" of {labels} of {found.name}, {parts}", found.name


def _read_footage(
    choice: SetChoice, clip: ClipEncoder, on_progress: Progress
) -> tuple[PromptSet, ReadClips, str]:
    prompts = read_prompts(choice.prompts)
    read = read_footage_clips(
        read_footage(choice.data),
        prompts,
        clip.image_size_px,
        on_progress,
        count=choice.clips,
        seed=choice.seed,
    )
    recordings = len(set(read.clips.groups.tolist()))
    folder = choice.data.resolve().name
    amount = f" of {recordings} recordings of the footage in {folder}"
    if read.unnamed:
        amount += f" ({read.unnamed} spans have other labels)"
    return prompts, read, amount
