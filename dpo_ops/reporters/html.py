"""One page of HTML: all of it in one file, no script, nothing fetched, light and dark.

Every value is escaped by the template; text from data is cleaned before, so that no control
character or reversed writing gets through. The page's policy forbids scripts and requests
even if something did.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from jinja2 import Environment

_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ title }}</title>
<style>
:root { --ink: #1c2128; --soft: #57606a; --page: #ffffff; --line: #d0d7de; --card: #f6f8fa;
  --bar: #3b6fd4; --good: #1a7f37; --bad: #c0232c; --change: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9da7b3; --page: #0d1117;
  --line: #30363d; --card: #161b22; --bar: #6ea0ff; --good: #3fb950; --bad: #ff7b72;
  --change: #e3b341; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1.25rem 1rem 3rem; color: var(--ink);
  background: var(--page); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; }
h2 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; }
p { margin: .25rem 0; }
.soft { color: var(--soft); } .good { color: var(--good); } .bad { color: var(--bad); }
.change { color: var(--change); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: normal; }
td.number, th.number { text-align: right; white-space: nowrap; }
code, pre { font: .875rem/1.45 ui-monospace, monospace; }
pre { margin: .4rem 0 0; padding: .5rem .65rem; background: var(--page); white-space: pre-wrap;
  border: 1px solid var(--line); border-radius: 6px; }
mark { background: none; color: var(--bad); text-decoration: underline; font-weight: 600; }
.grid { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: .75rem .9rem; margin: 0 0 .75rem; }
.grid .card { margin: 0; }
.card h3 { margin: 0 0 .35rem; font-size: 1rem; }
dl { margin: 0; } dt { color: var(--soft); } dd { margin: 0 0 .5rem; }
figure { margin: 0; } figcaption { color: var(--soft); font-size: .85rem; }
svg { display: block; width: 100%; height: auto; } svg rect { fill: var(--bar); }
svg line { stroke: var(--line); }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% block body %}{% endblock %}
</body>
</html>
"""

_CHARTS: Final = """\
{% macro bars(name, columns, axis) %}{% set width = [columns | length, 9] | max * 20 %}
<figure><svg viewBox="0 0 {{ width }} 64" role="img"
 aria-label="histogram: {{ name }}">
{% for column in columns %}<rect x="{{ loop.index0 * 20 + 2 }}" y="{{ 60 - column.height }}"
 width="16" height="{{ column.height }}"><title>up to {{ column.label }}: {{ column.rows }}</title>
</rect>{% endfor %}<line x1="0" x2="{{ width }}" y1="61" y2="61"/></svg>
<figcaption>{{ axis or "nothing" }}</figcaption></figure>
{% endmacro %}
"""


def page(body: str, **values: Any) -> str:
    """Return a page; `body` is a trusted template, whose values are escaped. `title` is needed."""
    source = '{% extends "page" %}{% from "charts" import bars %}{% block body %}'
    return _environment().from_string(source + body + "{% endblock %}").render(values)


@cache
def _environment() -> Environment:
    # Only a page needs it, and it takes long to import.
    from jinja2 import DictLoader, Environment, StrictUndefined  # noqa: PLC0415

    return Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=DictLoader({"page": _PAGE, "charts": _CHARTS}),
        keep_trailing_newline=True,
    )
