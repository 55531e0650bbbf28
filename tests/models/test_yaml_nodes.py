"""YAML is read within bounds: what would take for ever is refused at once."""

from pathlib import Path

import pytest
import yaml
from yaml.nodes import MappingNode, ScalarNode

from models.yaml_nodes import YamlFault, pairs_of, read_nodes, value_of

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
STAIRS = "a0: &a0 x\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 90))


def fault_of(folder: Path, text: str | bytes) -> tuple[str, int | None]:
    path = folder / "x.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(YamlFault) as caught:
        read_nodes(path)
    return str(caught.value), caught.value.line


@pytest.mark.timeout(2)
@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ("site: x\nlist: &a\n  - *a\n", "an alias (*) of what contains it", 3),
        ("a: &a\n  b: {c: *a}\n", "an alias (*) of what contains it", 2),
        ("a: &a {<<: *a}\n", "an alias (*) of what contains it", 1),
        (LAUGHS, "stands for more than 100000 values", 5),
        (LAUGHS.replace("[", "{<<: [").replace("]", "]}"), "stands for more than", 5),
        (STAIRS, "is nested more than 50 deep by aliases", 51),
        ("[" * 10_000, "is nested more than 50 deep", 1),
        ("{a: " * 10_000, "is nested more than 50 deep", 1),
        ("- " * 10_000, "is nested more than 50 deep", 1),
        ("? " * 10_000, "is nested more than 50 deep", 1),
        ("\n".join(" " * n + "a:" for n in range(200)), "is nested more than 50", 50),
        ("a" * (1 << 20) + "a", "holds more than 1048576 bytes", None),
        (b"a: x\nb: \xff", "is not UTF-8 text", 2),
        ("a: x\n".encode("utf-16"), "is not UTF-8 text", 1),
        ("a: x\nb: \0", "is not YAML: character #x0000 is not allowed", 2),
        ("a: x\n\tb: y", "while scanning for the next token found character '\\t'", 2),
        ("a: x\n---\nb: y", "expected a single document in the stream", 2),
        ("a: &b x\nc: &b y\n", "an anchor (&) that is there twice", 2),
        ("a: !!python/object/apply:os.system [x]\n", "a tag (!) that is not known", 1),
        ("a: !!set {x}\n", "a tag (!) that is not known", 1),
    ],
)
def test_what_is_out_of_bounds_is_refused_with_its_line(
    tmp_path: Path, text: str | bytes, problem: str, line: int | None
) -> None:
    found, at_line = fault_of(tmp_path, text)
    assert found.startswith(problem)
    assert at_line == line


@pytest.mark.parametrize(
    "text",
    [
        "*hunter2",
        "!hunter2 x",
        "!hunter2!x y",
        "&hunter2 a\nb: &hunter2 b",
        "'hunter2",
        "{hunter2",
        "x: hunter2: y",
        "`hunter2",
    ],
)
def test_a_mistake_does_not_repeat_what_may_be_a_password(
    tmp_path: Path, text: str
) -> None:
    found, line = fault_of(tmp_path, f"password: {text}\n")
    assert "hunter2" not in found
    assert line is not None


def plain(node: yaml.Node) -> object:
    if isinstance(node, MappingNode):
        return {str(key.value): plain(value) for key, value in pairs_of(node)}
    if isinstance(node, ScalarNode):
        return value_of(node)
    return [plain(part) for part in node.value]


@pytest.mark.parametrize(
    "text",
    [
        "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n",
        "a: &a {x: 1, y: 2}\nb: {y: 3, <<: *a}\n",
        "a: &a {x: 1}\nb: &b {x: 2, y: 3}\nc: {<<: [*a, *b], z: 4}\n",
        "a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b, x: 9}\n",
        "a: &a {k: {x: 1, y: 2}}\nb: {<<: *a, k: {x: 3}}\n",
        "a: {'<<': quoted}\n",
        "a: &a\nb: *a\nc: [1, 2.5, yes, 2024-01-01, null, '1']\n",
        "a: {<<: {x: 1}}\n",
    ],
)
def test_merge_keys_and_values_mean_what_pyyaml_says(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    node = read_nodes(path)
    assert node is not None
    assert plain(node) == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ("<<: x\n", "<<: expected an alias of keys and values", 1),
        ("a: &a [1]\n<<: *a\n", "<<: expected an alias of keys and values", 1),
        ("a: &a {}\n<<: *a\n<<: *a\n", "<<: is given twice; merge several by", 3),
        ("a: !!int ''\n", "is no value", 1),
        ("\na: " + "1" * 5000, "is no value", 2),
        ("a: !!bool maybe", "is no value", 1),
        ("a: 2024-99-99", "is no value", 1),
        ("a: !!timestamp x", "is no value", 1),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_with_its_line(
    tmp_path: Path, text: str, problem: str, line: int
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    node = read_nodes(path)
    assert node is not None
    with pytest.raises(YamlFault, match=f"^{problem}") as caught:
        plain(node)
    assert caught.value.line == line


def test_an_empty_file_has_no_node_and_a_byte_order_mark_is_passed_over(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"")
    assert read_nodes(path) is None
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\n")
    node = read_nodes(path)
    assert node is not None
    assert plain(node) == {"a": 1}
