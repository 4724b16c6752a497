"""The house keeps its shape: one direction of imports, public faces only, no cycles, small files."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STOREYS = ["llm", "clustering", "agents", "stability", "service"]
FILES = sorted(path for storey in STOREYS for path in (ROOT / storey).rglob("*.py"))


def _imports(path: Path) -> list[tuple[str, list[str], int]]:
    """(module, names, line) of every absolute import in a file, those inside functions too."""
    found: list[tuple[str, list[str], int]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, [], node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            found.append((node.module or "", [alias.name for alias in node.names], node.lineno))
    return found


def _public(storey: str) -> set[str]:
    """Names that `storey.__init__` lists, and modules that it lists."""
    tree = ast.parse((ROOT / storey / "__init__.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_and_through_the_front_door(path: Path) -> None:
    mine = STOREYS.index(path.relative_to(ROOT).parts[0])
    for module, names, line in _imports(path):
        storey = module.split(".")[0]
        if storey not in STOREYS or STOREYS.index(storey) == mine:
            continue
        assert STOREYS.index(storey) < mine, f"{path}:{line} imports upwards: {module}"
        assert module == storey, f"{path}:{line} imports a private module: {module}"
        assert set(names) <= _public(storey), f"{path}:{line}: not in {storey}.__all__: {set(names) - _public(storey)}"


def test_no_import_cycles() -> None:
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}
    edges: dict[str, set[str]] = {}
    for name, path in names.items():
        edges[name] = set()
        for node in ast.parse(path.read_text()).body:  # only imports that run at import time
            if isinstance(node, ast.ImportFrom) and node.module in names:
                inner = {f"{node.module}.{alias.name}" for alias in node.names} & names.keys()
                edges[name] |= inner or {node.module}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"import cycle: {' -> '.join((*path, name))}"
        if name not in done:
            for target in sorted(edges[name] - {name}):
                visit(target, (*path, name))
            done.add(name)

    for name in names:
        visit(name, ())


ROOMS = [
    "errors",
    "settings",
    "store",
    "telemetry",
    "webhooks",
    "application",
    "jobs",
    "opening",
    "api",
    "pages",
    "cli",
]
"""Of the service, from the bottom up. Imports inside functions and for types count, too."""


@pytest.mark.parametrize("room", ROOMS[: ROOMS.index("api")])
def test_rooms_of_the_service_lean_on_lower_ones_only(room: str) -> None:
    for path in FILES:
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] != "service" or parts[1] != room:
            continue
        for module, _, line in _imports(path):
            other = module.split(".")[1] if module.startswith("service.") else None
            assert other is None or ROOMS.index(other) <= ROOMS.index(room), f"{path}:{line} imports upwards: {module}"


def test_files_stay_small() -> None:
    tracked = [*FILES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]
    long = {
        str(path.relative_to(ROOT)): count for path in tracked if (count := len(path.read_text().splitlines())) > 400
    }
    assert not long, f"over 400 lines: {long}"


def test_measures_are_pure() -> None:
    allowed = {
        "numpy",
        "scipy",
        "stability",
        "__future__",
        "collections",
        "dataclasses",
        "math",
        "typing",
        "functools",
        "zlib",
        "itertools",
        "enum",
        "warnings",
    }
    for path in (ROOT / "stability" / "measures").rglob("*.py"):
        for module, _, line in _imports(path):
            assert module.split(".")[0] in allowed, f"{path}:{line}: measures may not import {module}"
            assert not module.startswith("stability.") or module.startswith("stability.measures"), f"{path}:{line}"
