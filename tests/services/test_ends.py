"""How commands end: failing streams, names, folders and signals, on real processes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipelines.sources.gstreamer.video_writer import VideoFileWriter

pytestmark = pytest.mark.slow

COMMAND = (sys.executable, "-m", "services")
PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""A locale without a character beyond ASCII, which Python would replace by UTF-8."""

BAD_INPUT, READER_ENDED = 2, 141
WITHIN_S = 60


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    path = os.pathsep.join(filter(None, sys.path))
    return {**os.environ, "PYTHONPATH": path, **(more or {})}


def run_in_shell(
    line: str, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a line of shell; ``wardwatch`` in it is ours."""
    ours = f'wardwatch() {{ {" ".join(COMMAND)} "$@"; }}\n'
    return subprocess.run(
        ["bash", "-c", ours + line],
        capture_output=True,
        env=environment(more),
        timeout=WITHIN_S,
        check=False,
    )


def lines(answer: subprocess.CompletedProcess[bytes]) -> list[str]:
    return answer.stderr.decode().splitlines()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text("site: ward\nsubjects: [{id: bed, camera: test}]\n")
    return path


@pytest.mark.parametrize(
    "command", ["--help", "--version", "schema", "check --offline SITE"]
)
@pytest.mark.parametrize(
    ("stream", "line"),
    [
        (">/dev/full", "wardwatch: standard output: No space left on device"),
        (">&-", "wardwatch: standard output is closed"),
    ],
)
def test_a_failed_output_is_one_line_and_exit_code_two(
    command: str, stream: str, line: str, site: Path
) -> None:
    answer = run_in_shell(f"wardwatch {command.replace('SITE', str(site))} {stream}")
    assert (answer.returncode, lines(answer)) == (BAD_INPUT, [line])


@pytest.mark.parametrize("command", ["--help", "schema", "--version"])
def test_a_reader_that_has_ended_is_no_fault(command: str) -> None:
    answer = run_in_shell(f"wardwatch {command} | true; exit ${{PIPESTATUS[0]}}")
    assert (answer.returncode, answer.stderr) == (READER_ENDED, b"")


@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full", "<&-", "2>&- <&-"])
def test_other_streams_may_be_closed_or_full(stream: str) -> None:
    assert run_in_shell(f"wardwatch schema {stream}").returncode == 0
    assert run_in_shell(f"wardwatch check /nowhere {stream}").returncode == BAD_INPUT


@pytest.mark.gst
@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1"])
def test_what_the_terminal_lacks_is_written_in_ascii(encoding: str) -> None:
    more = {**PLAIN, "PYTHONIOENCODING": encoding}
    arguments = ("watch", "test", "--frames", "2", "--seconds", "1")
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(more),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if b"online" in line:
                process.send_signal(signal.SIGINT)
        errors = process.stderr.read()
    assert process.returncode in {0, 128 + signal.SIGINT}, errors
    assert b"Traceback" not in errors


@pytest.mark.gst
def test_json_is_json_in_a_locale_without_utf_8() -> None:
    answer = run_in_shell("wardwatch doctor --json", PLAIN)
    checks = [json.loads(line) for line in answer.stdout.decode("ascii").splitlines()]
    assert all(check["ok"] for check in checks if check["needed"])
    assert (answer.returncode, lines(answer)) == (0, [])


def commands_with(path: bytes, kind: str) -> list[list[bytes]]:
    """Commands that look at a path each in another way; the last one takes longest."""
    commands = [
        [b"check", b"--offline", path],
        [b"model", b"show", path],
        [b"watch", path],
    ]
    return commands if kind == "too long" else commands[:2]


def paths_of_kind(kind: str, folder: Path) -> bytes:
    """Make what a person may name by mistake."""
    if kind == "too long":
        return os.fsencode(folder / ("x" * 300))
    if kind == "below a file":
        (folder / "file").write_text("")
        return os.fsencode(folder / "file" / "below")
    if kind == "a loop of links":
        (folder / "loop").symlink_to(folder / "loop")
        return os.fsencode(folder / "loop")
    assert kind == "a closed folder"
    closed = folder / "closed"
    closed.mkdir()
    closed.chmod(0o000)
    if os.geteuid() == 0:  # then the folder must be somebody else's
        os.chown(closed, 65534, 65534)
    return os.fsencode(closed / "site.yaml")


def without_rights() -> Sequence[str]:
    """Run what follows without root's right to enter every folder."""
    if os.geteuid() != 0:
        return ()
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@pytest.mark.gst
@pytest.mark.parametrize(
    "kind", ["too long", "below a file", "a loop of links", "a closed folder"]
)
def test_a_path_that_leads_nowhere_is_one_line(kind: str, tmp_path: Path) -> None:
    path = paths_of_kind(kind, tmp_path)
    for command in commands_with(path, kind):
        answer = subprocess.run(
            [*without_rights(), *COMMAND, *command],
            capture_output=True,
            env=environment(),
            timeout=WITHIN_S,
            check=False,
        )
        errors = lines(answer)
        assert (answer.returncode, len(errors)) == (BAD_INPUT, 1), (command, errors)
        assert errors[0].startswith("wardwatch: "), command
        assert os.fsdecode(path) in errors[0], command


@pytest.mark.parametrize("more", [{}, PLAIN])
def test_a_name_that_is_no_text_is_read_and_shown(
    more: dict[str, str], site: Path
) -> None:
    path = os.fsencode(site.with_name("caf")) + b"\xe9.yaml"
    Path(os.fsdecode(path)).write_bytes(site.read_bytes())
    answer = subprocess.run(
        [*COMMAND, b"check", b"--offline", path],
        capture_output=True,
        env=environment(more),
        timeout=WITHIN_S,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, b"")
    shown = b"caf?" if more else b"caf\\xe9"
    assert shown + b".yaml: no mistakes" in answer.stdout


def test_a_folder_too_long_for_rays_sockets_is_refused(
    site: Path, tmp_path: Path
) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir()
    site.write_text(f"{site.read_text()}hub: {{folder: {tmp_path}/hub, port: 0}}\n")
    answer = run_in_shell(f"wardwatch run {site}", {"TMPDIR": str(long)})
    assert answer.returncode == BAD_INPUT
    assert "bytes that Ray's sockets leave; set TMPDIR" in lines(answer)[-1]


@pytest.mark.gst
def test_a_video_is_read_whose_name_is_no_text(tmp_path: Path) -> None:
    with VideoFileWriter(tmp_path / "ward.mp4", 64, 48, Fraction(12)) as writer:
        for level in range(24):
            writer.write(np.full((48, 64, 3), level * 10, np.uint8))
    name = os.fsencode(tmp_path) + b"/caf\xe9.mp4"
    (tmp_path / "ward.mp4").rename(Path(os.fsdecode(name)))
    answer = subprocess.run(
        [*COMMAND, b"watch", name, b"--json"],
        capture_output=True,
        env=environment(),
        timeout=WITHIN_S,
        check=False,
    )
    kinds = [json.loads(line)["type"] for line in answer.stdout.splitlines()]
    assert (answer.returncode, "prediction" in kinds) == (0, True), lines(answer)


@pytest.fixture
def hang_ups_end() -> Iterator[None]:
    """Under ``nohup`` they are ignored, and children inherit that."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hang_ups_end")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_command_that_is_still_starting(
    number: signal.Signals, tmp_path: Path
) -> None:
    """A named pipe that nobody writes holds the command where it reads its file."""
    site = tmp_path / "site.yaml"
    os.mkfifo(site)
    with subprocess.Popen(
        [*COMMAND, "check", str(site)], stderr=subprocess.PIPE, env=environment()
    ) as process:
        with site.open("w"):  # returns once the command reads
            process.send_signal(number)
        # A signal just before the read is handled after it.
        assert process.wait(WITHIN_S) == 128 + number
        assert process.stderr is not None
        assert process.stderr.read() == b""
