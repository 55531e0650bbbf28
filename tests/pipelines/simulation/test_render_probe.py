"""The look at whether this machine renders."""

from pipelines.simulation.render_probe import render_problem


def test_this_machine_renders_a_picture() -> None:
    assert render_problem() == ""
