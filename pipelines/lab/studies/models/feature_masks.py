"""Masks of features that a person marked: found by SAM, and stored.

    points.json ─▶ each picture, and its features' points
                                │
           points-masks/*.png ──┴─▶ a mask for this picture and these points: use it
                    ▲                         │ otherwise
                    └──────── stored ──────── SAM, if one is named; or else an error

A mask's file name contains a hash of picture, points and labels, so that a change of
any of them leads to another mask. The PNG names the SAM that found it. If a SAM is
named, masks of another SAM are replaced. A mask painted by hand has no such name and is
always used.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from models.errors import PointsError
from models.masking.masks import FeaturePoints, read_points
from models.masking.segmentation import Prompt, Segmenter, check_inside
from pipelines.folders import make_folder
from pipelines.progress import Progress

Mask = Bool[np.ndarray, "height width"]

_MADE_BY = "made by"
_HAND = "hand"
_PICTURE_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,  # Pillow's, of a broken PNG
    Image.DecompressionBombError,
)


@final
@dataclass(frozen=True, slots=True)
class NamedSam:
    """A SAM that is loaded when the first mask is missing."""

    name: str
    load: Callable[[], Segmenter]


@final
@dataclass(frozen=True, slots=True, eq=False)
class FeatureFrame:
    """A picture and its features.

    The picture has its original size. There is at least one mask, in the order of the
    file; ``made_by`` is the SAM of each.
    """

    name: str
    picture: UInt8[np.ndarray, "height width 3"]
    masks: Mapping[str, Mask]
    made_by: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Entry:
    number: int
    given: FeaturePoints

    @property
    def prompt(self) -> Prompt:
        return Prompt(self.given.points, self.given.labels)


def mask_folder(points: Path) -> Path:
    """Return the folder with the masks of a file of points."""
    return points.with_name(f"{points.stem}-masks")


def read_feature_frames(
    path: Path, sam: NamedSam | None, on_progress: Progress
) -> tuple[FeatureFrame, ...]:
    """Read pictures and points, and find or read each feature's mask.

    ``sam`` finds missing masks; without it all must be stored.

    Raises:
        PointsError: If the file is missing or malformed, or an entry's picture, points
            or mask; one line that names the entry.
        CheckpointError: If SAM cannot be loaded.
        FolderError: If masks cannot be stored beside the file.
    """
    entries: dict[str, list[_Entry]] = {}
    for number, given in enumerate(read_points(path), start=1):
        of_frame = entries.setdefault(given.frame, [])
        if given.feature_name in [each.given.feature_name for each in of_frame]:
            problem = f"{given.frame} already has a feature {given.feature_name!r}"
            raise _problem(path, number, problem)
        of_frame.append(_Entry(number, given))
    pictures = {name: _checked_picture(path, each) for name, each in entries.items()}
    masks = _Masks(path, sam)
    frames = []
    for name, of_frame in entries.items():
        frames.append(masks.of_frame(name, pictures[name], of_frame))
        on_progress("masks", len(frames), len(entries), name)
    return tuple(frames)


def _checked_picture(
    path: Path, of_frame: list[_Entry]
) -> UInt8[np.ndarray, "height width 3"]:
    """Read a picture, rotated by its EXIF data, and check that all points are in it."""
    first = of_frame[0]
    try:
        with Image.open(path.parent / first.given.frame) as file:
            picture = np.array(ImageOps.exif_transpose(file).convert("RGB"))
    except _PICTURE_ERRORS as err:
        missing = isinstance(err, FileNotFoundError)
        problem = "no such file" if missing else "cannot be read as a picture"
        problem = f"frame {first.given.frame}: {problem}"
        raise _problem(path, first.number, problem) from err
    for entry in of_frame:
        try:
            check_inside(picture, [entry.prompt])
        except ValueError as err:
            raise _problem(path, entry.number, f"points: {err}") from err
    return picture


@final
class _Masks:
    """The masks of one file of points."""

    def __init__(self, path: Path, sam: NamedSam | None) -> None:
        self._path = path
        self._sam = sam
        self._folder = mask_folder(path)
        self._segmenter: Segmenter | None = None

    def of_frame(
        self,
        name: str,
        picture: UInt8[np.ndarray, "height width 3"],
        entries: list[_Entry],
    ) -> FeatureFrame:
        """Read the stored masks of a picture, and find the missing ones together."""
        files = {each: self._folder / _file_name(picture, each) for each in entries}
        found = {each: self._kept(files[each], picture) for each in entries}
        missing = [each for each in entries if found[each] is None]
        if missing:
            found |= self._find(picture, missing, files)
        masks, made_by = {}, {}
        for entry, kept in found.items():
            assert kept is not None  # SAM has found the missing ones
            feature = entry.given.feature_name
            masks[feature], made_by[feature] = kept
        return FeatureFrame(name, picture, masks, made_by)

    def _kept(
        self, file: Path, picture: UInt8[np.ndarray, "height width 3"]
    ) -> tuple[Mask, str] | None:
        """Read a stored mask; a damaged one, or another SAM's, is ignored."""
        try:
            with Image.open(file) as image:
                made_by = str(image.info.get(_MADE_BY, _HAND))
                mask = np.array(image.convert("L")) > 127
        except _PICTURE_ERRORS:
            return None
        other = self._sam is not None and made_by not in (self._sam.name, _HAND)
        return None if other or mask.shape != picture.shape[:2] else (mask, made_by)

    def _find(
        self,
        picture: UInt8[np.ndarray, "height width 3"],
        missing: list[_Entry],
        files: Mapping[_Entry, Path],
    ) -> dict[_Entry, tuple[Mask, str]]:
        if self._sam is None:
            first = missing[0]
            problem = (
                f"no mask of {first.given.feature_name!r} in {first.given.frame} is"
                f" stored in {self._folder}: name a SAM to find it (--sam)"
            )
            raise _problem(self._path, first.number, problem)
        if self._segmenter is None:
            make_folder(self._folder)
            self._segmenter = self._sam.load()
        found = self._segmenter.segment(picture, [each.prompt for each in missing])
        facts = PngInfo()
        facts.add_itxt(_MADE_BY, self._sam.name)
        for entry, mask in zip(missing, found.masks, strict=True):
            image = Image.fromarray(mask.astype(np.uint8) * 255)
            image.save(files[entry], pnginfo=facts)
        pairs = zip(missing, found.masks, strict=True)
        return {entry: (mask, self._sam.name) for entry, mask in pairs}


def _file_name(picture: UInt8[np.ndarray, "height width 3"], entry: _Entry) -> str:
    given = entry.given
    digest = hashlib.sha256(repr((picture.shape, given.points, given.labels)).encode())
    digest.update(picture.tobytes())
    words = f"{Path(given.frame).stem}-{given.feature_name}"
    plain = re.sub(r"[^\w.-]+", "_", words, flags=re.ASCII)[:80]
    return f"{plain}-{digest.hexdigest()[:8]}.png"


def _problem(path: Path, number: int, problem: str) -> PointsError:
    return PointsError(str(path), f"entry {number}: {problem}")
