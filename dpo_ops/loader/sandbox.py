"""The Jinja2 sandbox, narrowed to expressions: what a template may use, and what it makes.

No statement, no call and no attribute of an object is let through, so the cost of a template is
bounded by its length, and the sandbox of Jinja2 is the second wall and not the first.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from jinja2 import StrictUndefined, Undefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import SandboxedEnvironment

from dpo_ops.loader.faults import TemplateFault, UnknownName
from dpo_ops.loader.tree import BROKEN
from dpo_ops.loader.words import likely, listed, meant, quoted

if TYPE_CHECKING:
    from dpo_ops.loader.scalars import Scalar

MAX_RESULT: Final = 64 * 1024
"""In characters, for one string."""
_LARGEST: Final = 2**64
_DIGITS: Final = 20
_ARITHMETIC: Final = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
_ALLOWED: Final = (
    *(nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.Getattr, nodes.Getitem),
    *(nodes.Slice, nodes.List, nodes.Tuple, nodes.CondExpr, nodes.Compare, nodes.Operand),
    *(nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Filter, nodes.Test),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod),
)
_TESTS: Final = ("defined", "undefined", "none", "string", "number", "boolean", "in")

LIMITS = "a template inserts values and makes small changes to them; compute elsewhere"


class Facts(dict[str, str]):
    """What git says; empty outside a repository."""


class _Unknown(StrictUndefined):
    """A name that does not exist: it may be tested and given a default, and nothing else."""

    __slots__ = ()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # What jinja2 calls to make its exception, however the name was used.
        self._undefined_exception = lambda _: _unknown(self)  # type: ignore[assignment]


class Environment(SandboxedEnvironment):
    """The sandbox, narrowed: look-ups find values and never attributes, operators take numbers."""

    intercepted_binops = frozenset(_ARITHMETIC)

    def __init__(self) -> None:
        super().__init__(
            undefined=_Unknown,
            loader=None,
            autoescape=False,
            optimized=False,
            keep_trailing_newline=True,
            cache_size=0,
        )
        self.globals = {}
        # How a template reaches each mapping: what is missing in one is named in full.
        self._paths: dict[int, str] = {}
        self.filters = dict(_FILTERS)
        self.tests = {name: self.tests[name] for name in _TESTS}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return the item of this name: `values.items` is a value, and no method."""
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return what a mapping, a list or a text holds there, or an unknown name."""
        if isinstance(obj, Undefined):
            raise _unknown(obj)
        step = f".{argument}" if isinstance(argument, str) else f"[{argument}]"
        path = self._paths.get(id(obj), "values") + step
        if isinstance(obj, Mapping) and isinstance(argument, str) and argument in obj:
            if obj[argument] is BROKEN:
                raise UnknownName(f"{quoted(path, bare=True)} could not be read")
            self._paths[id(obj[argument])] = path
            return obj[argument]
        if isinstance(obj, str | list | tuple) and isinstance(argument, int | slice):
            try:
                self._paths[id(obj[argument])] = path
                return obj[argument]
            except IndexError:
                pass
        return self.undefined(path, obj=obj, name=argument)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002  -- jinja2's signature
        """Return the result for two numbers. Raises SecurityError for anything else."""
        for operand in (left, right):
            if isinstance(operand, Undefined):
                raise _unknown(operand)
            if not isinstance(operand, int | float) or abs(operand) >= _LARGEST:
                raise SecurityError(f"{operator} takes small numbers, not {_type(operand)}")
        return _ARITHMETIC[operator](left, right)


def mentioned(expression: nodes.Expr) -> set[str]:
    """Return the names that an expression begins from, such as `values`."""
    found = [expression] if isinstance(expression, nodes.Name) else expression.find_all(nodes.Name)
    return {name.name for name in found}


def check(tree: nodes.Template) -> None:
    """Refuse whatever is not on the list, whichever way it could be misused."""
    for part in tree.iter_child_nodes():
        _check_part(part)


def _check_part(part: nodes.Node) -> None:
    if not isinstance(part, _ALLOWED):
        what = f"a template may not use {_PARTS.get(type(part).__name__, type(part).__name__)}"
        raise TemplateFault(what, "templates are expressions over values and git", LIMITS)
    if isinstance(part, nodes.Filter) and part.name not in _FILTERS:
        fix = meant(part.name, _FILTERS)
        raise TemplateFault(f"there is no filter {quoted(part.name)}", fix=fix)
    if isinstance(part, nodes.Test) and part.name not in _TESTS:
        raise TemplateFault(f"there is no test {quoted(part.name)}", fix=meant(part.name, _TESTS))
    for inner in part.iter_child_nodes():
        _check_part(inner)


_PARTS = {
    "Call": "a call",
    "For": "{% for %}",
    "If": "{% if %}; write {{ a if condition else b }}",
    "Pow": "**",
    "Concat": "~; write {{ a }}{{ b }}",
    "Assign": "{% set %}",
}


def join(chunks: Iterable[str]) -> str:
    """Return the chunks as one text. Raises TemplateFault as soon as it is too long."""
    parts, length = [], 0
    for chunk in chunks:
        length += len(chunk)
        if length > MAX_RESULT:
            raise TemplateFault(f"the result is longer than {MAX_RESULT} characters")
        parts.append(chunk)
    return "".join(parts)


def scalar_of(value: Any) -> Scalar:
    """Return a value that is one scalar. Raises TemplateFault for any other."""
    if isinstance(value, Undefined):
        raise _unknown(value)
    if value is not None and not isinstance(value, str | int | float):
        raise TemplateFault(f"the template makes {_type(value)}", _ONE_SCALAR, "name one value")
    if isinstance(value, str) and len(value) > MAX_RESULT:
        raise TemplateFault(f"the result is longer than {MAX_RESULT} characters")
    return value


_ONE_SCALAR = "a template makes one text, number, true, false or null, never structure"


def text_of(value: Any) -> str:
    """Return a value as it stands within text: booleans as YAML writes them."""
    scalar = scalar_of(value)
    if scalar is None:
        raise TemplateFault("the template puts null into text", fix="use | default('', true)")
    return str(scalar).lower() if isinstance(scalar, bool) else str(scalar)


def _type(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    names = {str: "text", list: "a list", tuple: "a list", int: "a large number", bool: "a boolean"}
    return names.get(type(value), "null" if value is None else "something else")


def _unknown(value: Undefined) -> UnknownName:
    name, parent = str(value._undefined_name), value._undefined_obj  # noqa: SLF001  -- no public way
    if isinstance(parent, Mapping):
        if isinstance(parent, Facts):
            return _unknown_fact(name, parent)
        path = str(value._undefined_hint)  # noqa: SLF001  -- no public way
        guess, above = likely(name, parent), path.removesuffix(name)
        why = f"what there is: {listed(parent)}" if parent else "there are no values at all"
        near = f"did you mean {quoted(f'{above}{guess}', bare=True)}?" if guess else ""
        fix = near or "pass it in a --values file"
        return UnknownName(f"there is no {quoted(path, bare=True)}", why, fix)
    if value._undefined_name is None or not isinstance(value._undefined_name, str):  # noqa: SLF001
        return UnknownName("the template has no value here", fix="give it an else or a default")
    fix = meant(name, ("values", "git"))
    return UnknownName(f"{quoted(name)} is not defined", "a template sees values and git", fix)


def _unknown_fact(name: str, facts: Facts) -> UnknownName:
    why = f"what there is: {listed(facts)}" if facts else "this is no git repository with a commit"
    return UnknownName(f"git gives no {quoted(name)}", why, "give a default: | default('…')")


def _default(value: Any, default: Any = "", boolean: bool = False) -> Any:
    return default if isinstance(value, Undefined) or (boolean and not value) else value


def _replace(text: Any, old: str, new: str) -> str:
    before = text_of(text)
    if not old or len(before) + before.count(old) * (len(new) - len(old)) > MAX_RESULT:
        raise TemplateFault(f"the result is longer than {MAX_RESULT} characters")
    return before.replace(old, new)


def _round(value: float, digits: int = 0) -> float:
    # Rounding a whole number to the left computes a power of ten, however large.
    return round(value, max(-_DIGITS, min(digits, _DIGITS)))


_FILTERS: dict[str, Callable[..., Any]] = {
    "default": _default,
    "float": lambda value: float(text_of(value)),
    "int": lambda value: int(text_of(value)),
    "length": len,
    "lower": lambda value: text_of(value).lower(),
    "replace": _replace,
    "round": _round,
    "string": text_of,
    "trim": lambda value: text_of(value).strip(),
    "upper": lambda value: text_of(value).upper(),
}
