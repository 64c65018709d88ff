"""Templates: what they may see, what type they make, and what they can't do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops.loader.sandbox import MAX_RESULT, TemplateFault
from dpo_ops.loader.templates import Renderer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VALUES: dict[str, Any] = {
    "name": "einstein",
    "replicas": 3,
    "rate": 1e-5,
    "on": True,
    "nothing": None,
    "items": [1, "two"],
    "deep": {"er": {"keys": "k"}},
    "branch": "feature/Über x",
    "text": "a: 1\n- {{ values.name }}\n",
    "long": "x" * 60_000,
}
GIT = {"commit": "0123456789abcdef", "short": "0123456", "dirty": "false"}


def rendered(text: str, values: Mapping[str, Any] = VALUES) -> Any:
    return Renderer(values, GIT).render(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ values.name }}-tune", "einstein-tune"),
        ("{{ values.replicas }}", 3),
        ("{{values.rate}}", 1e-5),
        ("{{- values.on -}}", True),
        ("{{ values.nothing }}", None),
        ("{{ values.replicas }} ", "3 "),
        ("{{ values.on }}!", "true!"),
        ("{{ values.replicas + 1 }}", 4),
        ("{{ values.replicas * 2 - 1 }}", 5),
        ("{{ values.items[1] }}", "two"),
        ("{{ values['name'] }}", "einstein"),
        ("{{ values.items }}{{ '' }}"[:0] + "{{ values.deep.er.keys }}", "k"),
        ("{{ values.missing | default('x') }}", "x"),
        ("{{ values.missing is defined }}", False),
        ("{{ 'a' if values.on else 'b' }}", "a"),
        ("{{ values.name if values.replicas > 2 and not values.nothing }}", "einstein"),
        ("{{ git.short }}", "0123456"),
        ("{{ git.commit[:3] }}", "012"),
        ("{{ git.tag | default('none') }}", "none"),
        ("{{ values.branch | lower | replace('/', '-') }}", "feature-über x"),
        ("{{ '7' | int }}", 7),
        ("{{ 5 | round(-1000000000) }}", 0),
        ("{{ 1.26 | round(1) }}", 1.3),
        ("{{ '0.5' | float }}", 0.5),
        ("{{ values.replicas | string }}", "3"),
        ("{{ values.text }}", "a: 1\n- {{ values.name }}\n"),
        ("line\n{{ values.name }}\n", "line\neinstein\n"),
        ("{{ '{{' }} x }}", "{{ x }}"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{# gone #}{{ values.name }}", "einstein"),
    ],
)
def test_what_a_template_makes(text: str, value: object) -> None:
    assert rendered(text) == value
    assert type(rendered(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "{{ values.replica }}",
            ["values.replica ", "what there is:", "did you mean values.replicas?"],
        ),
        ("{{ values.deep.er.key }}", ["there is no values.deep.er.key ", "values.deep.er.keys?"]),
        ("{{ values.gone.further }}", ["there is no values.gone "]),
        ("{{ values.gone + 1 }}", ["there is no values.gone "]),
        ("{{ values.gone < 1 }}", ["there is no values.gone "]),
        ("{{ -values.gone }}", ["there is no values.gone "]),
        ("{{ values.gone }} and text", ["there is no values.gone "]),
        ("{{ valeus.name }}", ["'valeus'", "did you mean values?"]),
        ("{{ env.HOME }}", ["'env'", "sees values and git"]),
        ("{{ HOME }}", ["'HOME'"]),
        ("{{ git.branch }}", ["git gives no 'branch'", "commit, dirty, short", "default"]),
        ("{{ values.items }}", ["a list", "never structure"]),
        ("{{ values.deep }} x", ["a mapping", "never structure"]),
        ("{{ values.nothing }} x", ["null into text"]),
        ("{{ values.name if values.nothing }}", ["no value here"]),
        ("{{ values.name | slug }}", ["no filter 'slug'", "lower"]),
        ("{{ values.name is even }}", ["no test 'even'"]),
        ("{{ values. }}", ["is no template"]),
        ("{{ values.name", ["is no template"]),
        ("{{ 1 / 0 }}", ["division by zero"]),
        ("{{ 'x' | int }}", ["the template fails"]),
        ("{{ values.name + 1 }}", ["takes small numbers, not text"]),
    ],
)
def test_what_can_not_be_rendered_says_why(text: str, words: list[str]) -> None:
    with pytest.raises(TemplateFault) as caught:
        rendered(text)
    said = f"{caught.value.what} {caught.value.why} {caught.value.fix}"
    assert [word for word in words if word not in said] == []


ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''.__class__ }}",
    "{{ values.__class__.__init__.__globals__ }}",
    "{{ values.items.__class__ }}",
    "{{ values['__class__'] }}",
    "{{ values|attr('__class__') }}",
    "{{ values|attr('\\x5f\\x5fclass\\x5f\\x5f') }}",
    "{{ self.__init__.__globals__.__builtins__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__.os }}",
    "{{ namespace.__init__.__globals__.os }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ url_for.__globals__ }}",
    "{{ config.items() }}",
    "{{ request.application.__globals__ }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ dict(a=1).__class__ }}",
    "{{ range(10) }}",
    "{{ (1).__class__ }}",
    "{{ 'a'.format }}",
    "{{ '{0.__class__}'.format(values) }}",
    "{{ '%s' % values }}",
    "{{ values.copy() }}",
    "{{ values.update({'a': 1}) }}",
    "{{ [].append(1) }}",
    "{{ values | map('attr', '__class__') | list }}",
    "{{ values | tojson }}",
    "{{ values | pprint }}",
    "{{ ().__class__.__bases__[0] }}",
    "{{ loop }}",
    "{{ caller() }}",
    "{{ super() }}",
    "{% set x = 1 %}",
    "{% for x in values.items %}{{ x }}{% endfor %}",
    "{% if 1 %}{% endif %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% extends 'x' %}",
    "{% macro a() %}{% endmacro %}",
    "{% block a %}{% endblock %}",
    "{% filter upper %}x{% endfilter %}",
    "{% call x() %}{% endcall %}",
    "{% with %}{% endwith %}",
    "{% debug %}",
    "{% do x %}",
]


@pytest.mark.parametrize("text", ESCAPES)
def test_nothing_escapes(text: str) -> None:
    with pytest.raises(TemplateFault):
        rendered(text)


BOMBS: list[str] = [
    "{{ 'a' * 10**9 }}",
    "{{ 'a' * 1000000000 }}",
    "{{ [1] * 1000000000 }}",
    "{{ 10**10**10 }}",
    "{{ 99999999999999999999999999 * 99999999999999999999999999 }}",
    "{{ range(10**9) | list }}",
    "{% for i in range(1000000000) %}x{% endfor %}",
    "{{ '%1000000000d' % 1 }}",
    "{{ 'x' | center(1000000000) }}",
    "{{ 'x' | indent(1000000000) }}",
    "{{ values.long | replace('x', values.long) }}",
    "{{ values.long | replace('', values.long) }}",
    "{{ lipsum(n=1000000) }}",
    "{{ 5 | round(-1000000000, 1) }}",
    "{{ values | lower }}",
    "{{ values.items | string }}",
    "{{ values.long }}" * 2,
    "{{ values.long ~ values.long }}",
    "{{ [values.long, values.long] | join }}",
    "{{" + "(" * 3000 + "1" + ")" * 3000 + "}}",
    "{{" + "not " * 1900 + "1 }}",
    "{{" + "-" * 3000 + "1 }}",
    "{{" + "+".join("1" * 1) * 1 + "+1" * 3000 + "}}",
    "{{ values" + ".a" * 3000 + "}}",
    "{{" + "1 if 1 else " * 600 + "1 }}",
    "{{ " + "x" * 100_000 + " }}",
    "{{ '" + "9" * 7000 + "' | int }}",
]


@pytest.mark.parametrize("text", BOMBS, ids=range(len(BOMBS)))
def test_no_template_explodes(text: str) -> None:
    start = time.process_time()
    with pytest.raises(TemplateFault):
        rendered(text)
    assert time.process_time() - start < 2


def test_a_result_has_a_limit() -> None:
    assert rendered("{{ values.long }}x" + "y" * 1000)
    with pytest.raises(TemplateFault, match="longer than"):
        rendered("{{ values.text }}", {"text": "x" * (MAX_RESULT + 1)})


def test_git_is_asked_once_and_only_if_it_is_mentioned() -> None:
    asked: list[int] = []

    def facts() -> dict[str, str]:
        asked.append(1)
        return GIT

    renderer = Renderer(VALUES, facts)
    renderer.render("{{ values.name }}")
    assert not asked
    assert renderer.render("{{ git.short }}-{{ git.short[:2] }}") == "0123456-01"
    assert len(asked) == 1


@pytest.mark.parametrize("git", [None, {}, dict])
def test_without_git_there_is_a_reason(
    git: Mapping[str, str] | Callable[[], Mapping[str, str]] | None,
) -> None:
    with pytest.raises(TemplateFault) as caught:
        Renderer({}, git).render("{{ git.commit }}")
    assert "no git repository" in caught.value.why


@given(st.text() | st.integers(-(2**63), 2**63) | st.booleans() | st.none())
def test_a_value_arrives_as_it_is(value: object) -> None:
    assert rendered("{{ values.v }}", {"v": value}) == value


@given(st.text(max_size=200))
def test_any_text_renders_or_is_refused(text: str) -> None:
    try:
        result = rendered("{{" + text)
    except TemplateFault:
        return
    assert result is None or isinstance(result, str | int | float)
