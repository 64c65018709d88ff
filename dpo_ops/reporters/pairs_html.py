"""Statistics, differences and checks of pairs as pages of HTML, each whole in one file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from dpo_ops.errors import Place, Severity
from dpo_ops.reporters.findings import sentence
from dpo_ops.reporters.html import page
from dpo_ops.reporters.pairs_check import kept_edge, verdict
from dpo_ops.reporters.pairs_words import (
    SYMBOLS,
    axis,
    columns,
    cost_change,
    differences,
    remarks,
    table_of,
    token_change,
    unread,
)
from dpo_ops.reporters.style import PLAIN, Style, count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpo_ops.errors import Finding
    from dpo_ops.kinds.pricing import Band
    from dpo_ops.pairs.diff import Comparison, Sample, Side
    from dpo_ops.pairs.stats import Lengths, Statistics
    from dpo_ops.reporters.pairs_check import Checked

_HIGHEST: Final = 58
_MOST: Final = 1000
"""Findings on one page; more would be read by nobody."""

_STATS: Final = """
<p><strong>{{ rows }}</strong>{% if unread %}; <span class="bad">{{ unread }}</span>{% endif %}</p>
<h2>Tokens and messages of a pair</h2>
<div class="grid">{% for chart in charts %}<section class="card"><h3>{{ chart.name }}</h3>
{{ bars(chart.name, chart.columns, chart.axis) }}</section>{% endfor %}</div>
<h2>In numbers</h2>
<div class="wide"><table><thead><tr>{% for cell in head %}
<th{% if not loop.first %} class="number"{% endif %}>{{ cell }}</th>{% endfor %}</tr></thead><tbody>
{% for row in table %}<tr>{% for cell in row %}<td{% if not loop.first %} class="number"{% endif %}>
{{- cell }}</td>{% endfor %}</tr>{% endfor %}</tbody></table></div>
<h2>What else they say</h2>
<dl>{% for name, text in remarks %}<dt>{{ name }}</dt><dd>{{ text }}</dd>{% endfor %}</dl>
"""
_DIFF: Final = """
<p><code>{{ before }}</code> ({{ rows[0] }}) → <code>{{ after }}</code> ({{ rows[1] }})</p>
{% if unread %}<p class="bad">{{ unread }}</p>{% endif %}
<div class="wide"><table><tbody>{% for symbol, number, what in counts %}<tr><td><code>{{ symbol }}
</code></td><td class="number">{{ number }}</td><td>{{ what }}</td></tr>{% endfor %}</tbody></table>
</div>
<dl><dt>tokens of an epoch</dt><dd>{{ tokens }}</dd>
<dt>cost of an epoch, LoRA</dt><dd>{{ cost }}</dd></dl>
{% if samples %}<h2>Samples</h2>{% endif %}
{% for sample in samples %}<section class="card"><h3><code>{{ sample.symbol }}</code>
 {{ sample.fate }}</h3><p class="soft">{{ sample.where }}</p>
{% for part in sample.parts %}<p class="soft">{{ part.name }}</p>
{% if part.before is not none %}<pre>{% if part.changed %}<span class="bad">- </span>{% endif %}
{{- part.before }}</pre>{% endif %}
{% if part.after is not none and (part.changed or part.before is none) %}<pre>
{%- if part.changed %}<span class="good">+ </span>{% endif %}{{ part.after }}</pre>{% endif %}
{% else %}<p>not a pair</p>{% endfor %}</section>{% endfor %}
"""
_CHECK: Final = """
<p><strong class="{{ 'bad' if wrong else 'good' }}">{{ verdict[0] }}</strong>{{ verdict[1] }}</p>
<div class="wide"><table><thead><tr><th>file</th><th class="number">rows</th><th>sha256</th></tr>
</thead><tbody>{% for file in files %}<tr><td><code>{{ file.path }}</code></td>
<td class="number">{{ file.rows }}</td><td><code>{{ file.digest }}</code></td></tr>{% endfor %}
</tbody></table></div>
{% if findings %}<h2>Findings</h2>{% endif %}
{% for finding in findings %}<section class="card">
<p><strong class="{{ finding.tone }}">{{ finding.severity }}</strong>
 <code>{{ finding.where }}</code></p><p>{{ finding.said }}</p>
{% if finding.excerpt %}<pre>{{ finding.excerpt[0] }}<mark>{{ finding.excerpt[1] }}</mark>
{{- finding.excerpt[2] }}</pre>{% endif %}</section>{% endfor %}
{% if more %}<p class="soft">and {{ more }} more</p>{% endif %}
"""


class Column(NamedTuple):
    """One bar of a histogram; `height` of 58 is the highest."""

    label: str
    rows: str
    height: float


def stats_html(found: Statistics, style: Style = PLAIN) -> str:
    """Return the statistics of pairs as a page."""
    head, *rows = table_of(found)
    named = {
        "prompt": found.prompt,
        "preferred": found.preferred,
        "non-preferred": found.other,
    }
    together = columns(list(named.values()))
    charts = [_chart(f"{name}, tokens", one, together) for name, one in named.items()]
    charts.append(_chart("messages", found.turns, columns([found.turns])))
    return page(
        _STATS,
        title="dpo-ops pairs stats",
        rows=count(found.rows, "pair"),
        unread=unread(found.unreadable),
        charts=charts,
        # The last cell is the histogram, which is drawn above.
        head=head[:-1],
        table=[row[:-1] for row in rows],
        remarks=[(name, style.clean(text)) for name, text in remarks(found)],
    )


def _chart(name: str, lengths: Lengths, exponents: range) -> dict[str, Any]:
    rows = {bucket.up_to.bit_length() - 1: bucket.rows for bucket in lengths.histogram}
    most = max(rows.values(), default=0) or 1
    bars = [
        Column(f"{1 << n:,}", f"{rows.get(n, 0):,}", round(rows.get(n, 0) / most * _HIGHEST, 1))
        for n in exponents
    ]
    return {"name": name, "columns": bars, "axis": axis(exponents)}


def diff_html(
    names: tuple[str, str], found: Comparison, bands: Sequence[Band], style: Style = PLAIN
) -> str:
    """Return how two files of pairs differ as a page."""
    before, after = map(style.clean, names)
    return page(
        _DIFF,
        title="dpo-ops pairs diff",
        before=before,
        after=after,
        rows=(count(found.rows_before, "row"), count(found.rows_after, "row")),
        unread=unread(found.unreadable),
        counts=[(symbol, f"{number:,}", what) for symbol, number, what in differences(found)],
        tokens=token_change(found),
        cost=cost_change(found, bands),
        samples=[_sample(sample, (before, after), style) for sample in found.samples],
    )


def _sample(sample: Sample, names: tuple[str, str], style: Style) -> dict[str, Any]:
    sides = zip(names, (sample.before, sample.after), strict=True)
    old, new = _texts(sample.before, style), _texts(sample.after, style)
    parts = [
        {
            "name": name,
            "before": old.get(name),
            "after": new.get(name),
            "changed": name in old and name in new and old[name] != new[name],
        }
        for name in {**old, **new}
    ]
    where = " → ".join(f"{name}:{side.line}" for name, side in sides if side)
    return {"symbol": SYMBOLS[sample.fate], "fate": sample.fate, "where": where, "parts": parts}


def _texts(side: Side | None, style: Style) -> dict[str, str]:
    if side is None or side.pair is None:
        return {}
    pair = side.pair
    said = {"input": pair.messages[-1].text if pair.messages else ""}
    said |= {"preferred": pair.preferred, "non-preferred": pair.other}
    return {name: style.clean(text) for name, text in said.items()}


def check_html(found: Checked, style: Style = PLAIN) -> str:
    """Return what is wrong with some files of pairs as a page."""
    shown = found.findings[:_MOST]
    return page(
        _CHECK,
        title="dpo-ops pairs check",
        wrong=found.wrong,
        verdict=verdict(found),
        files=[
            {"path": style.clean(f.path), "rows": f"{f.rows:,}", "digest": f.digest[:12]}
            for f in found.files
        ],
        findings=[_finding(finding, found, style) for finding in shown],
        more=f"{len(found.findings) - len(shown):,}" if len(found.findings) > len(shown) else "",
    )


def _finding(finding: Finding, found: Checked, style: Style) -> dict[str, Any]:
    place = finding.where
    near = found.excerpts.get(place) if isinstance(place, Place) else None
    excerpt = None
    if near:
        left, right = kept_edge(near.left, style), style.clean(near.right)
        start, end = "…" * near.cut_left + left, right[1:] + "…" * near.cut_right
        excerpt = (start, right[:1], end)
    return {
        "severity": str(finding.severity),
        "tone": "bad" if finding.severity is Severity.ERROR else "change",
        "where": style.clean(place),
        "said": sentence(finding, style),
        "excerpt": excerpt,
    }
