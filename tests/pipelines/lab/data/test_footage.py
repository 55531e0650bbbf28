from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import FootageError
from pipelines.lab.data.footage import (
    COLUMNS,
    LabelledSpan,
    parse_labels,
    read_footage,
    wearing,
    write_labels,
)

HEADER = ",".join(COLUMNS)
WALKING = LabelledSpan("room/a.mp4", "walking", "a ward", 0.0, 4.5, 'says "hello, you"')
FALL = LabelledSpan("room/a.mp4", "fall", "a ward", 4.5, 5.25)
SITTING = LabelledSpan("b.mp4", "sitting", "", 0.0, 3.0)


def make_folder(folder: Path, *files: str) -> Path:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    return folder


def test_rows_are_gathered_by_recording_in_the_order_of_the_file(
    tmp_path: Path,
) -> None:
    make_folder(tmp_path, "room/a.mp4", "b.mp4")
    write_labels(tmp_path / "labels.csv", [WALKING, SITTING, FALL])

    footage = read_footage(tmp_path)

    assert [r.file for r in footage.recordings] == ["room/a.mp4", "b.mp4"]
    assert [r.spans for r in footage.recordings] == [(WALKING, FALL), (SITTING,)]
    assert footage.recordings[0].video == tmp_path / "room/a.mp4"


def test_wearables_are_found_by_position(tmp_path: Path) -> None:
    make_folder(
        tmp_path,
        "room/a.mp4",
        "room/a.wrist.imu.csv",
        "room/a.waist.imu.csv",
        "room/a.b.wrist.imu.csv",
        "room/aa.wrist.imu.csv",
        "a.ankle.imu.csv",
    )
    write_labels(tmp_path / "labels.csv", [WALKING])

    (recording,) = read_footage(tmp_path).recordings

    assert recording.imu == {
        "waist": tmp_path / "room/a.waist.imu.csv",
        "wrist": tmp_path / "room/a.wrist.imu.csv",
    }


@pytest.mark.parametrize(
    ("position", "worn"),
    [("waist", ["waist"]), ("none", []), (None, ["waist", "wrist"])],
)
def test_one_wearable_alone_can_be_taken_along_or_none_or_all(
    tmp_path: Path, position: str | None, worn: list[str]
) -> None:
    make_folder(tmp_path, "a.mp4", "a.wrist.imu.csv", "a.waist.imu.csv", "b.mp4")
    rows = [replace(SITTING, file=file) for file in ("a.mp4", "b.mp4")]
    write_labels(tmp_path / "labels.csv", rows)

    taken = wearing(read_footage(tmp_path), position)

    assert [sorted(each.imu) for each in taken] == [worn, []]


def test_a_wearable_that_nobody_wears_is_refused_with_those_that_are_worn(
    tmp_path: Path,
) -> None:
    make_folder(tmp_path, "b.mp4", "b.wrist.imu.csv", "b.waist.imu.csv")
    write_labels(tmp_path / "labels.csv", [SITTING])
    expected = r"has no wearable at 'hip'; it has: waist, wrist$"
    with pytest.raises(FootageError, match=expected):
        wearing(read_footage(tmp_path), "hip")


def test_a_wearable_alone_leaves_the_video_out(tmp_path: Path) -> None:
    make_folder(tmp_path, "a.mp4", "a.waist.imu.csv", "b.mp4")
    write_labels(tmp_path / "labels.csv", [replace(SITTING, file="a.mp4")])
    (taken,) = wearing(read_footage(tmp_path), "waist", alone=True)
    assert taken.wearable_only
    rows = [replace(SITTING, file=file) for file in ("a.mp4", "b.mp4")]
    write_labels(tmp_path / "labels.csv", rows)
    expected = r"b\.mp4 has no wearable that could be watched alone$"
    with pytest.raises(FootageError, match=expected):
        wearing(read_footage(tmp_path), "waist", alone=True)


def test_a_name_with_signs_of_a_pattern_is_taken_by_the_letter(
    tmp_path: Path,
) -> None:
    make_folder(tmp_path, "[a]*.mp4", "[a]*.wrist.imu.csv", "ab.waist.imu.csv")
    write_labels(
        tmp_path / "labels.csv", [LabelledSpan("[a]*.mp4", "fall", "", 0.0, 1.0)]
    )

    (recording,) = read_footage(tmp_path).recordings

    assert list(recording.imu) == ["wrist"]


def test_a_row_knows_its_line_even_after_notes_of_several_lines() -> None:
    text = f'{HEADER}\na.mp4,sitting,,0,1,"two\nlines"\n\nb.mp4,walking,,0,1,\n'

    assert [span.line for span in parse_labels(text, "labels.csv")] == [2, 5]


def test_columns_may_stand_in_any_order_and_after_a_byte_order_mark(
    tmp_path: Path,
) -> None:
    make_folder(tmp_path, "a.mp4")
    text = "\ufefflabel,file,t_end_s,t_start_s,notes,source\nfall,a.mp4,2,1,n,s\n"
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")

    (recording,) = read_footage(tmp_path).recordings

    assert recording.spans == (LabelledSpan("a.mp4", "fall", "s", 1.0, 2.0, "n"),)


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FootageError, match=r"^.*labels\.csv: cannot be read: No such"):
        read_footage(tmp_path)


def test_a_labels_file_that_is_not_utf8_is_refused_with_its_line(
    tmp_path: Path,
) -> None:
    (tmp_path / "labels.csv").write_bytes(HEADER.encode() + b"\na.mp4,caf\xe9,,0,1,\n")

    with pytest.raises(FootageError, match=r"^.*labels\.csv:2: not UTF-8 text$"):
        read_footage(tmp_path)


def test_a_video_that_is_not_there_is_refused_with_its_line(tmp_path: Path) -> None:
    make_folder(tmp_path, "b.mp4")
    write_labels(tmp_path / "labels.csv", [SITTING, WALKING])

    with pytest.raises(
        FootageError, match=r"^.*labels\.csv:3: file: no video 'room/a\.mp4' in "
    ):
        read_footage(tmp_path)


def test_a_name_longer_than_a_file_system_takes_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(f"{HEADER}\n{'a' * 5000},fall,,0,1,\n")

    with pytest.raises(FootageError, match=r"^.*labels\.csv:2: file: no video "):
        read_footage(tmp_path)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("a.mp4,fall,,zero,1,", "t_start_s: 'zero' is not a number"),
        ("a.mp4,fall,,0,,", "t_end_s: '' is not a number"),
        ("a.mp4,fall,,0,nan,", "t_end_s: 'nan' is not a time"),
        ("a.mp4,fall,,inf,inf,", "t_start_s: 'inf' is not a time"),
        ("a.mp4,fall,,-1,1,", "t_start_s: '-1' is not a time"),
        ("a.mp4,fall,,2,1.5,", "t_end_s: 1.5 lies before t_start_s 2"),
        (",fall,,0,1,", "file: empty"),
        ("a.mp4, ,,0,1,", "label: empty"),
        ("/etc/a.mp4,fall,,0,1,", "file: '/etc/a.mp4' leads out of the folder"),
        ("x/../../a.mp4,fall,,0,1,", r"file: 'x/\.\./\.\./a.mp4' leads out of"),
        ("a\0.mp4,fall,,0,1,", r"file: 'a\\x00.mp4' is not a file name"),
        ("a.mp4,fall,,0,1", "5 cells, expected 6"),
        ("a.mp4,fall,,0,1,,", "7 cells, expected 6"),
        ('"a.mp4,fall,,0,1,', "not CSV: unexpected end of data"),
    ],
)
def test_a_malformed_row_is_refused_with_its_line_and_field(
    row: str, problem: str
) -> None:
    text = f"{HEADER}\nb.mp4,sitting,,0,3,\n{row}\n"

    with pytest.raises(FootageError, match=rf"^labels\.csv:3: {problem}"):
        list(parse_labels(text, "labels.csv"))


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("file,label,source,t_start_s,notes", "missing column 't_end_s'"),
        (f"{HEADER},room", "unknown column 'room'"),
        (f"{HEADER},file", "repeated column 'file'"),
    ],
)
def test_a_malformed_header_is_refused_with_the_column(
    header: str, problem: str
) -> None:
    with pytest.raises(FootageError, match=rf"^labels\.csv:1: {problem}; expected"):
        list(parse_labels(f"{header}\n", "labels.csv"))


@pytest.mark.parametrize("text", ["", HEADER, f"{HEADER}\n\n"])
def test_labels_without_rows_are_refused(text: str) -> None:
    with pytest.raises(FootageError, match=r"^labels\.csv(:1)?: (no rows|missing)"):
        list(parse_labels(text, "labels.csv"))


def test_what_could_not_be_read_back_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    with pytest.raises(FootageError, match=r"would be read back as"):
        write_labels(path, [LabelledSpan("a.mp4", " fall", "", 0.0, 1.0)])
    with pytest.raises(FootageError, match=r"labels\.csv:2: t_end_s: 0 lies before"):
        write_labels(path, [LabelledSpan("a.mp4", "fall", "", 1.0, 0.0)])

    assert not path.exists()


CELL = st.text(max_size=8)
NUMBER = st.one_of(CELL, st.floats().map(str))
ROW = st.tuples(CELL, CELL, CELL, NUMBER, NUMBER, CELL).map(",".join)


@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(ROW, max_size=3).map(lambda rows: "\n".join([HEADER, *rows])),
    )
)
def test_any_text_is_either_parsed_or_refused_in_one_line(text: str) -> None:
    try:
        spans = list(parse_labels(text, "labels.csv"))
    except FootageError as err:
        assert "\n" not in str(err)  # noqa: PT017 either outcome is right
    else:
        assert all(0 <= span.start_s <= span.end_s for span in spans)


@given(st.binary(max_size=60))
def test_any_bytes_are_either_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("footage")
    (folder / "labels.csv").write_bytes(HEADER.encode() + b"\n" + content)

    with pytest.raises(FootageError):
        read_footage(folder)  # no video is there


PLAIN = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8)
TIME_S = st.floats(0, 1e6)


@given(
    st.lists(
        st.builds(
            lambda file, label, notes, times: LabelledSpan(
                f"f{file}".replace("/", ""), label, "s", min(times), max(times), notes
            ),
            PLAIN,
            PLAIN,
            PLAIN,
            st.tuples(TIME_S, TIME_S),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_what_was_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[LabelledSpan]
) -> None:
    path = tmp_path_factory.mktemp("footage") / "labels.csv"

    write_labels(path, rows)

    assert list(parse_labels(path.read_bytes().decode(), str(path))) == rows
