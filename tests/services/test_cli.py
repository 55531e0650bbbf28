"""The command line: errors, exit codes, help."""

import os
import subprocess
import sys

import pytest
import typer

from models.errors import CheckpointError, ModelError
from pipelines.errors import PipelineError, SourceNotFound
from services.command_line import app, run

HEAVY = {"torch", "triton", "transformers", "mujoco", "gi", "scipy", "matplotlib"}


def app_that_raises(error: Exception) -> typer.Typer:
    failing = typer.Typer()

    @failing.command()
    def fail() -> None:
        raise error

    return failing


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (SourceNotFound("ward.mp4", "no such file"), "ward.mp4: no such file"),
        (CheckpointError("small", "no such folder"), "small: no such folder"),
        (PipelineError("two\n lines"), "two lines"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(
    error: PipelineError | ModelError, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(app_that_raises(error), []) == 2
    assert capsys.readouterr() == ("", f"wardwatch: {line}\n")


def test_an_error_in_the_program_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run(app_that_raises(ZeroDivisionError()), [])


def test_the_exit_code_of_a_command_is_returned() -> None:
    assert run(app_that_raises(typer.Exit(3)), []) == 3


def test_an_unknown_command_is_exit_code_two(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(app, ["dance"]) == 2
    assert "No such command 'dance'" in capsys.readouterr().err


def test_an_argument_that_may_hold_a_login_is_not_repeated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(app, ["watch", "test", "nurse:sEcReT9@h"]) == 2
    assert run(app, ["watch", "rtsp://h/x?psw=sEcReT9", "--imu"]) == 2
    assert run(app, ["watch", "test", "--imu=x", "rtsp://h/x?psw=sEcReT9"]) == 2
    assert run(app, ["check", "rtsp://nurse:sEcReT9@h/x"]) == 2
    said = capsys.readouterr()
    assert "unexpected extra argument" in said.err
    assert "sEcReT9" not in said.out + said.err


def test_the_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, ["--version"]) == 0
    assert capsys.readouterr().out.startswith("wardwatch ")


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    run(app, [])
    assert "Not a medical device" in " ".join(capsys.readouterr().out.split())


def test_the_terminal_alone_breaks_the_lines_of_a_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    for command in (["run"], ["model", "calibrate"]):
        assert run(app, [*command, "--help"]) == 0
        paragraphs = capsys.readouterr().out.split("╭")[0].splitlines()
        texts = [line.strip() for line in paragraphs if line.strip()][1:]
        assert len(texts) > 1
        assert all(text.endswith(".") for text in texts), texts


@pytest.mark.slow
def test_the_help_imports_nothing_heavy() -> None:
    script = "import sys, services.command_line; print(*sys.modules)"
    names = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert HEAVY & set(names.split()) == set()


@pytest.mark.slow
def test_the_package_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "services", "--help"]
    assert "doctor" in subprocess.check_output(command, text=True)


@pytest.mark.slow
def test_threads_of_torch_sleep_while_they_wait() -> None:
    """The library of torch's threads prints the settings that it has read."""
    ended = subprocess.run(
        [sys.executable, "-m", "services", "model", "show", "--json"],
        env={**os.environ, "OMP_DISPLAY_ENV": "true"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in ended.stderr
