"""The folders, their names and the documents agree with one another."""

import ast
import importlib
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer

from services.command_line import app

ROOT = Path(__file__).parent.parent
PACKAGES = ("models", "pipelines", "services")
MAY_TOUCH_DEVICES = {
    "pipelines.sources",
    "services.demo",
    "services.delivery",
    "services.bench",
}
MAY_USE_THE_LABORATORY = {"pipelines.lab", "services.commands", "services.demo"}
NOT_QUICK = {"ray", "slow", "real"}
"""Marks of the tests that ``make quick`` leaves out."""
ONLY_DATA = {"models/bundled"}
COMMAND_LINE = re.compile(r"^(?:\.venv/bin/)?(make|wardwatch) (.+)$", re.MULTILINE)


def modules_in(package: str) -> set[str]:
    folder = ROOT / package
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    folders = {path.parent.name for path in folder.glob("*/__init__.py")}
    return {f"{package}.{name}" for name in files | folders}


def runtime_packages() -> list[str]:
    """The folders of what watches a ward: all packages but the laboratory."""
    folders = [
        init.parent.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for init in sorted((ROOT / package).rglob("__init__.py"))
    ]
    return [name for name in folders if not name.startswith("pipelines/lab")]


def marks_in(nodes: Sequence[ast.AST]) -> set[str]:
    return {
        part.attr
        for node in nodes
        for part in ast.walk(node)
        if isinstance(part, ast.Attribute)
    }


def quick_tests_in(file: Path) -> list[str]:
    """The tests of a file that ``make quick`` runs, by the marks in its text."""
    statements = ast.parse(file.read_text()).body
    marks = [
        statement.value
        for statement in statements
        if isinstance(statement, ast.Assign)
        if any(getattr(name, "id", "") == "pytestmark" for name in statement.targets)
    ]
    if marks_in(marks) & NOT_QUICK:
        return []
    return [
        statement.name
        for statement in statements
        if isinstance(statement, ast.FunctionDef)
        if statement.name.startswith("test_")
        if not marks_in(statement.decorator_list) & NOT_QUICK
    ]


def shown_commands(program: str) -> list[str]:
    """The command lines of that program in the code blocks of README and docs."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    text = "\n".join(page.read_text() for page in pages)
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.S)
    return [
        arguments
        for block in blocks
        for name, arguments in COMMAND_LINE.findall(block)
        if name == program
    ]


def commands_of(commands: typer.Typer) -> set[str]:
    """Every command of the application, as ``train default``."""
    names = {
        info.name or getattr(info.callback, "__name__", "").replace("_", "-")
        for info in commands.registered_commands
    }
    for group in commands.registered_groups:
        assert group.typer_instance is not None
        names |= {f"{group.name} {name}" for name in commands_of(group.typer_instance)}
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_no_foreign_package_shadows_ours(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__file__ == str(ROOT / package / "__init__.py")


def test_every_folder_of_ours_is_a_package() -> None:
    folders = {path.parent for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    assert [str(each) for each in folders if not (each / "__init__.py").exists()] == []


def test_tests_are_no_packages_so_that_they_shadow_nothing() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


@pytest.mark.parametrize("package", sorted({*runtime_packages()} - ONLY_DATA))
def test_quick_tests_exercise_every_package_that_watches_a_ward(package: str) -> None:
    files = (ROOT / "tests" / package).glob("test_*.py")
    assert [name for file in files for name in quick_tests_in(file)] != []


def test_make_quick_leaves_out_what_the_check_of_quick_tests_leaves_out() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (chosen,) = re.findall(r'^quick:.*\n.*-m "(.+?)"', makefile, re.MULTILINE)
    assert set(re.findall(r"not (\w+)", chosen)) == NOT_QUICK


@pytest.mark.parametrize(
    ("beginning", "others"),
    [
        ("device libraries", MAY_TOUCH_DEVICES),
        ("the runtime", MAY_USE_THE_LABORATORY),
    ],
)
def test_no_module_slips_out_of_a_contract(beginning: str, others: set[str]) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (contract,) = (
        contract
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["name"].startswith(beginning)
    )
    modules = modules_in("pipelines") | modules_in("services") | {"models"}
    assert set(contract["source_modules"]) == modules - others


def test_the_readme_names_only_make_targets_that_exist() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    shown = {line.split()[0] for line in shown_commands("make")}
    assert {"demo", "test"} <= shown <= set(targets)


def test_the_readme_shows_every_command_and_no_other() -> None:
    commands = commands_of(app)
    lines = [f"{line} " for line in shown_commands("wardwatch")]
    reached = [
        {name for name in commands if line.startswith(f"{name} ")} for line in lines
    ]
    unknown = [
        line
        for line, names in zip(lines, reached, strict=True)
        if not names and not line.startswith("-")
    ]
    assert unknown == []
    assert set().union(*reached) == commands


def test_every_link_of_the_documents_leads_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    broken = [
        f"{page.name}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert broken == []


def test_the_first_page_and_the_map_stay_short() -> None:
    for name, most in (("README.md", 150), ("ARCHITECTURE.md", 200)):
        assert len((ROOT / name).read_text().splitlines()) <= most, name
