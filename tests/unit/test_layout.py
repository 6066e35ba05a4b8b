"""The layout that CONTRIBUTING shows is the one that stands, and a module can be read in one sitting."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

from helpers.core.paths import PACKAGE, PROJECT
from helpers.report.data_files import data_schema

MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent != PACKAGE / "data" / "handler"]
MOST_LINES, LONGEST_FUNCTION = 400, 60


def drawn() -> list[str]:
    """Return the entries of CONTRIBUTING's tree as paths, folders with a slash at their end, in its order."""
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    block = re.search(r"^```text\nsrc/helpers/\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert block
    found: list[str] = []
    for indent, name in re.findall(r"^( +)(\S+)  +\S", block[1], re.MULTILINE):
        parent = next(path for path in reversed(found) if path.count("/") == 1) if len(indent) > 2 else ""
        found.append(parent + name)
    return found


def test_the_tree_has_every_folder_and_the_order_of_the_layers() -> None:
    metric = PACKAGE / "scorers" / "dialogue_rouge"  # a file with the folder that its library asks for
    packages = [path.parent for path in PACKAGE.rglob("__init__.py") if path.parent not in (PACKAGE, metric)]
    assert {f"{path.relative_to(PACKAGE)}/" for path in packages} <= set(drawn())
    assert [name for name in drawn() if not (PACKAGE / name).exists()] == []
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [name for line in contracts[0]["layers"] for name in line.split(" | ") if name != "__main__"]
    top = [name.rstrip("/").removesuffix(".py") for name in drawn() if "/" not in name.rstrip("/")]
    assert top == [*layers, "data"]


@pytest.mark.parametrize("kind", ["unit", "contract"])
def test_tests_lie_where_the_modules_lie(kind: str) -> None:
    root = PROJECT / "tests" / kind
    folders = {path.parent.relative_to(root) for path in root.rglob("test_*.py")}
    assert [str(folder) for folder in sorted(folders) if not (PACKAGE / folder).is_dir()] == []


def test_a_module_and_a_function_can_be_read_in_one_sitting() -> None:
    long = []
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(PACKAGE)
        long += [f"{name}: {text.count(chr(10))} lines"] if text.count("\n") > MOST_LINES else []
        functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        sizes = {f"{name}: {n.name}": (n.end_lineno or n.lineno) - n.lineno + 1 for n in functions}
        long += [f"{where}: {lines} lines" for where, lines in sizes.items() if lines > LONGEST_FUNCTION]
    assert long == []


def test_a_class_name_stands_once() -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for path in MODULES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                found[node.name].append(str(path.relative_to(PACKAGE)))
    assert {name: where for name, where in found.items() if len(where) > 1} == {}


def test_no_init_but_two_does_more_than_say_what_its_package_is_for() -> None:
    hand_on = {PACKAGE / "params", PACKAGE / "scorers", PACKAGE}
    packages: list[Path] = [path for path in MODULES if path.name == "__init__.py" and path.parent not in hand_on]
    bodies = {str(path.relative_to(PACKAGE)): ast.parse(path.read_text(encoding="utf-8")).body for path in packages}
    assert [name for name, body in bodies.items() if len(body) != 1 or not isinstance(body[0], ast.Expr)] == []


def test_the_schema_of_the_results_names_no_module() -> None:
    assert [name for name in data_schema()["$defs"] if not re.fullmatch(r"[A-Za-z]+", name)] == []
