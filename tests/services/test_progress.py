"""Bars on a terminal, lines in a log."""

import pytest

from services.progress import progress_bar, staged_bars


def test_a_log_gets_a_line_for_each_of_a_few(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress_bar("watching", 2) as advance:
        advance("[bold]a.mp4")
        advance("b.mp4")
    assert capsys.readouterr() == (
        "",
        "watching 1/2  [bold]a.mp4\nwatching 2/2  b.mp4\n",
    )


def test_a_log_gets_fifty_lines_of_very_many(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress_bar("training", 5000) as advance:
        for _ in range(5000):
            advance("")
    lines = capsys.readouterr().err.splitlines()
    assert (len(lines), lines[-1].strip()) == (50, "training 5000/5000")


def test_a_long_note_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("watching", 1) as advance:
        advance("x" * 300)
    assert capsys.readouterr().err == f"watching 1/1  {'x' * 300}\n"


def test_every_stage_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with staged_bars() as show:
        show("rendering", 1, 1, "")
        show("training", 1, 1, "loss 2.1")
    assert [line.strip() for line in capsys.readouterr().err.splitlines()] == [
        "rendering 1/1",
        "training 1/1  loss 2.1",
    ]


def test_a_terminal_shows_bars_and_brackets_as_they_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with progress_bar("watching", 4) as advance:
        advance("[bold]a.mp4")
    out, err = capsys.readouterr()
    assert out == ""
    assert "1/4" in err
    assert "[bold]a.mp4" in err
