"""Tables that commands print at their end."""

import pytest

from services.commands.printing import print_table


def test_brackets_in_a_table_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("file [bold]", "falls"), [("ward [red].mp4", "3")], title="[dim]")
    title, header, row = capsys.readouterr().out.splitlines()
    assert title.strip() == "[dim]"
    assert header.split() == ["file", "[bold]", "falls"]
    assert row.split() == ["ward", "[red].mp4", "3"]
