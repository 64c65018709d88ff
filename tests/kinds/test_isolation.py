"""A kind is one file of facts: no stage names one, so that adding one changes no stage."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import dpo_ops
from dpo_ops.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(dpo_ops.__file__).parent
STAGES = ("loader", "observer.py", "planner", "executor", "reporters", "cli")
NAMES = set(KINDS) | {kind.collection for kind in KINDS.values()}
# The starter writes example specs, which are of certain kinds like those of any user.
ALLOWED = {"cli/starter.py"}


def modules() -> Iterator[Path]:
    for stage in STAGES:
        path = PACKAGE / stage
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def named(tree: ast.AST) -> Iterator[str]:
    texts = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in texts:
            if node.value.strip("/") in NAMES:
                yield f"line {node.lineno}: {node.value!r}"
        elif isinstance(node, ast.ImportFrom) and node.module:
            last = node.module.rpartition("dpo_ops.kinds.")[2]
            if last in {"dataset", "dpo_job", "deployment"}:
                yield f"line {node.lineno}: imports {node.module}"


@pytest.mark.parametrize("path", list(modules()), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_stage_names_a_kind(path: Path) -> None:
    if str(path.relative_to(PACKAGE)) not in ALLOWED:
        assert list(named(ast.parse(path.read_text()))) == []


def test_the_registry_is_the_only_other_place_that_names_the_kinds() -> None:
    files = [p for p in (PACKAGE / "kinds").glob("*.py") if p.name != "__init__.py"]
    importing = [
        p.name
        for p in files
        if re.search(rf"dpo_ops\.kinds\.({'|'.join(KIND_FILES)})\b", p.read_text())
    ]
    assert importing == []


KIND_FILES = {"dataset", "dpo_job", "deployment"}
