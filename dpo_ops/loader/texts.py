"""What the source of a spec model says of its fields, read only when somebody asks.

The models could keep these texts themselves, at a cost that every start of the tool would pay.
"""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel


def field_texts(model: type[BaseModel]) -> dict[str, str]:
    """Return the text below each field of `model` in its source, by the name that specs use."""
    said = _module(model.__module__).get(model.__name__, {})
    names = {name: field.alias or name for name, field in model.model_fields.items()}
    return {names[name]: text for name, text in said.items() if name in names}


@cache
def _module(name: str) -> dict[str, dict[str, str]]:
    tree = ast.parse(inspect.getsource(sys.modules[name]))
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
    return {node.name: dict(_fields(node)) for node in classes}


def _fields(model: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(model.body):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, text
