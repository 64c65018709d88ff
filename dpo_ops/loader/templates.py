"""Templates in spec strings: Jinja2 expressions over `values` and `git`, and nothing else.

A template makes one scalar, whatever the values hold: the YAML around it is parsed already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from jinja2 import TemplateSyntaxError, nodes
from jinja2.environment import TemplateExpression
from jinja2.exceptions import SecurityError

from dpo_ops.loader.faults import TemplateFault
from dpo_ops.loader.sandbox import (
    LIMITS,
    Environment,
    Facts,
    check,
    join,
    mentioned,
    scalar_of,
    text_of,
)

if TYPE_CHECKING:
    from dpo_ops.loader.scalars import Scalar

MAX_TEMPLATE: Final = 8 * 1024
"""In characters, for one string."""
MAX_TOTAL: Final = 8 * 1024 * 1024
"""In characters, for all results of a run."""
MAX_TEMPLATES: Final = 5_000
MAX_EXPRESSIONS: Final = 1_000
"""Different ones, in a run."""
_BRACES = "write {{ expression }}; for braces as text, {{ '{{' }}"

GitFacts = Mapping[str, str] | Callable[[], Mapping[str, str]] | None


class Renderer:
    """Renders templates over `values` and `git`; `git` is asked for when one mentions it."""

    def __init__(self, values: Mapping[str, Any], git: GitFacts = None) -> None:
        self._values, self._git = values, git
        self._environment = Environment()
        self._results: dict[str, Scalar | TemplateFault] = {}
        self._computed: dict[str, Scalar | TemplateFault] = {}
        self._total = 0

    def render(self, text: str) -> Scalar:
        """Return what `text` renders to; a lone `{{ expression }}` keeps the type of its value.

        Raises:
            TemplateFault: it can't be rendered.
        """
        if text not in self._results:
            if len(self._results) >= MAX_TEMPLATES:
                raise TemplateFault(f"the specs have over {MAX_TEMPLATES} different templates")
            self._results[text] = _outcome(self._render, text)
        return _given(self._results[text])

    def _render(self, text: str) -> Scalar:
        if len(text) > MAX_TEMPLATE:
            what = f"a string with a template has {len(text)} characters"
            raise TemplateFault(what, fix=f"use {MAX_TEMPLATE} at most")
        tree = self._environment.parse(text)
        check(tree)
        parts = [part for output in tree.find_all(nodes.Output) for part in output.nodes]
        if len(parts) == 1 and not isinstance(parts[0], nodes.TemplateData):
            return self._value(parts[0])
        result = join(self._text(part) for part in parts)
        self._total += len(result)
        if self._total > MAX_TOTAL:
            raise TemplateFault(f"all templates together make over {MAX_TOTAL} characters")
        return result

    def _text(self, part: nodes.Expr) -> str:
        return part.data if isinstance(part, nodes.TemplateData) else text_of(self._value(part))

    def _value(self, expression: nodes.Expr) -> Scalar:
        # Compiling is slow, and many strings insert the same few values.
        key = repr(expression)
        if key not in self._computed:
            if len(self._computed) >= MAX_EXPRESSIONS:
                raise TemplateFault(f"the specs have over {MAX_EXPRESSIONS} template expressions")
            self._computed[key] = _outcome(self._compute, expression)
        return _given(self._computed[key])

    def _compute(self, expression: nodes.Expr) -> Scalar:
        result = nodes.Assign(nodes.Name("result", "store"), expression, lineno=1)
        template = self._environment.from_string(nodes.Template([result], lineno=1))
        compute = TemplateExpression(template, undefined_to_none=False)
        return scalar_of(compute(self._names(expression)))

    def _names(self, expression: nodes.Expr) -> dict[str, Any]:
        names: dict[str, Any] = {"values": self._values}
        if "git" in mentioned(expression):
            if callable(self._git):
                self._git = self._git()
            names["git"] = Facts(self._git or {})
        return names


A = TypeVar("A")


def _outcome(make: Callable[[A], Scalar], argument: A) -> Scalar | TemplateFault:
    """Return what `make` returns, or its failure in the words of a template."""
    try:
        return make(argument)
    except TemplateFault as fault:
        return fault
    except TemplateSyntaxError as error:
        return TemplateFault(f"is no template: {error.message}", fix=_BRACES)
    except (RecursionError, MemoryError, SyntaxError):
        return TemplateFault("the template is nested too deeply", fix="simplify it")
    except SecurityError as error:
        return TemplateFault(f"the template is refused: {error.message}", fix=LIMITS)
    except (TypeError, ValueError, ArithmeticError) as error:
        return TemplateFault(f"the template fails: {str(error)[:200]}", fix=LIMITS)


def _given(outcome: Scalar | TemplateFault) -> Scalar:
    if isinstance(outcome, TemplateFault):
        raise outcome.with_traceback(None)  # else each time would add to it
    return outcome
