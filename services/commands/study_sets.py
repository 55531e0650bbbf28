"""What ``wardwatch study …`` runs on: the simulated ward, or a set of real videos.

--set, --data, --lists, --split ─▶ SetChoice ─▶ real_clips ─┐
(none) ─▶ rooms, rendered ────────────────────▶ ward_clips ─┴─▶ StudiedClips
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal, final

import typer

from services.progress import Show

if TYPE_CHECKING:
    from models.clip import ClipEncoder
    from models.prompt_set import PromptSet
    from models.recognizer import ClipRecognizer
    from pipelines.studies.clip_set import ClipSet
    from pipelines.studies.video_clips import PublicSet, ReadClips

RealSet = Literal["ucf101", "hmdb51", "kinetics", "uestc", "footage"]

DATA_HELP = (
    "Folder of the set. ucf101, hmdb51: of a folder for each class; kinetics: of the"
    " videos; uestc: of its lists, video and sensor; footage: of a labels.csv and the"
    " videos it names."
)
LISTS_HELP = (
    "Folder of the set's lists. ucf101: classInd.txt, trainlist01.txt, testlist01.txt;"
    " hmdb51: brush_hair_test_split1.txt and all others; kinetics: classes.json,"
    " train.csv, test.csv."
)

SetOption = Annotated[
    RealSet | None,
    typer.Option(
        "--set",
        help="Run on a set of real videos, which are in --data.",
        show_default="the simulated ward",
    ),
]
DataOption = Annotated[Path | None, typer.Option("--data", help=DATA_HELP)]
ListsOption = Annotated[
    Path | None,
    typer.Option("--lists", help=LISTS_HELP, show_default="the folder of --data"),
]
SplitOption = Annotated[
    int,
    typer.Option(
        "--split", min=1, max=3, help="Which official split of ucf101 or hmdb51."
    ),
]
ClassesOption = Annotated[
    int | None,
    typer.Option(
        "--classes",
        min=2,
        help="Only the first so many classes of the alphabet; published zero-shot"
        " figures of ucf101 are of 15.",
        show_default="all",
    ),
]


@final
@dataclass(frozen=True, slots=True)
class SetChoice:
    """A set of real videos, and how much of it.

    Attributes:
        name: Of the set.
        data: Its folder.
        lists: The folder of its lists.
        split: Which official one, where there are several.
        classes: How many classes of the alphabet; None for all.
        clips: How many to read, evenly over labels; None for all.
        seed: Of which those are.
        prompts: Prompt set that names the same labels; None for the classes' names,
            and for footage the shipped set.
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
class StudiedClips:
    """Clips, who recognises them, and what to call them.

    Attributes:
        recognizer: Its labels are those of the clips.
        clips: What is studied.
        title: Of the set.
        amount: How much of the set, as "120 clips of …".
    """

    recognizer: "ClipRecognizer"
    clips: "ClipSet"
    title: str
    amount: str


def choose_set(
    name: RealSet | None,
    data: Path | None,
    lists: Path | None,
    *,
    split: int = 1,
    classes: int | None = None,
    clips: int | None = None,
    seed: int = 1,
    prompts: Path | None = None,
) -> SetChoice | None:
    """Put options together; None for the simulated ward.

    Raises:
        typer.BadParameter: If one is there that says nothing without another.
    """
    if name is None:
        if data is None and lists is None and classes is None:
            return None
        msg = "which set is it? name it with --set"
        raise typer.BadParameter(msg)
    if data is None:
        msg = f"where is {name}? name its folder with --data"
        raise typer.BadParameter(msg)
    if name == "footage" and classes is not None:
        msg = "footage has the prompt set's labels, of which --classes takes none away"
        raise typer.BadParameter(msg)
    return SetChoice(name, data, lists or data, split, classes, clips, seed, prompts)


def real_clips(
    choice: SetChoice, clip: "ClipEncoder", show: Show, *, trained_on: bool
) -> StudiedClips:
    """Read the clips of a set of real videos.

    Args:
        choice: Which.
        clip: Recognises them.
        show: Told of every video.
        trained_on: Whether its official training split is wanted, too.
    """
    from models.recognizer import ClipRecognizer

    if choice.name == "footage":
        prompts, read, amount = _read_footage(choice, clip, show)
        title = f"the footage in {choice.data.resolve().name}"
    else:
        prompts, read, amount, title = _read_set(
            choice.name, choice, clip, show, trained_on=trained_on
        )
    amount = f"{len(read.clips)} clips{amount}, prompts {prompts.id}"
    if read.unreadable:
        amount += f" ({read.unreadable} more could not be read)"
    return StudiedClips(ClipRecognizer(clip, prompts), read.clips, title, amount)


def ward_clips(
    clip: "ClipEncoder",
    prompts: Path | None,
    clips: int,
    seed: int,
    work: Path | None,
    show: Show,
    *,
    to_keep: bool = False,
) -> StudiedClips:
    """Render rooms of the simulated ward, or read what was rendered before.

    Args:
        clip: Whose size the pictures are.
        prompts: A prompt set; None is the shipped one.
        clips: About how many.
        seed: Of the rooms.
        work: Keeps what was rendered.
        show: Told of every room.
        to_keep: Whether something to keep is trained on them: other rooms then, which
            no study and no simulated footage has.

    Raises:
        PipelineError: If this machine renders no pictures.
    """
    from pipelines.simulation.render_probe import require_rendering

    require_rendering()  # else the next import fails with a traceback
    from models.recognizer import ClipRecognizer
    from pipelines.simulation.footage import RecordingPlan, Stream
    from pipelines.studies.ward_clips import plan_rooms, prepare_ward_clips

    stream = Stream.TRAINING if to_keep else Stream.FOOTAGE
    plans = plan_rooms(clips, seed, stream)
    done: list[str] = []

    def count(plan: RecordingPlan) -> None:
        done.append(plan.name)
        show("rooms", len(done), len(plans), plan.name)

    recognizer = ClipRecognizer(clip, prompt_set(prompts))
    with folder_to_keep(work) as folder:
        rendered = prepare_ward_clips(
            folder,
            plans,
            recognizer.prompt_set.labels,
            image_size_px=clip.image_size_px,
            on_done=count,
        )
    rooms = len(set(rendered.groups.tolist()))
    title = "the simulated ward"
    amount = f"{len(rendered)} clips of {rooms} rooms of {title} (seed {seed})"
    return StudiedClips(recognizer, rendered, title, amount)


def _read_set(
    name: "PublicSet",
    choice: SetChoice,
    clip: "ClipEncoder",
    show: Show,
    *,
    trained_on: bool,
) -> tuple["PromptSet", "ReadClips", str, str]:
    from models.prompt_file import load_prompt_set
    from pipelines.studies.video_clips import (
        class_prompts,
        in_words_of,
        open_set,
        read_video_clips,
    )

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
        show,
        count=choice.clips,
        seed=choice.seed,
    )
    parts = " and ".join(wanted)
    labels = f"{len(found.labels)} classes"
    return prompts, read, f" of {labels} of {found.name}, {parts}", found.name


def _read_footage(
    choice: SetChoice, clip: "ClipEncoder", show: Show
) -> tuple["PromptSet", "ReadClips", str]:
    from pipelines.data.footage import read_footage
    from pipelines.studies.video_clips import read_footage_clips

    prompts = prompt_set(choice.prompts)
    read = read_footage_clips(
        read_footage(choice.data),
        prompts,
        clip.image_size_px,
        show,
        count=choice.clips,
        seed=choice.seed,
    )
    recordings = len(set(read.clips.groups.tolist()))
    folder = choice.data.resolve().name
    amount = f" of {recordings} recordings of the footage in {folder}"
    if read.unnamed:
        amount += f" ({read.unnamed} spans have other labels)"
    return prompts, read, amount


def prompt_set(path: Path | None) -> "PromptSet":
    """Read a prompt set; None is the shipped one."""
    from models.prompt_file import bundled_prompt_set, load_prompt_set

    return bundled_prompt_set() if path is None else load_prompt_set(path)


@contextmanager
def folder_to_keep(work: Path | None) -> Iterator[Path]:
    """Give the folder, or one that is gone afterwards."""
    if work is not None:
        yield work
        return
    with TemporaryDirectory() as folder:
        yield Path(folder)
