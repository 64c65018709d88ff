from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops.errors import Finding, Place, Severity
from dpo_ops.reporters import PLAIN, findings_markdown, plan_markdown
from dpo_ops.reporters.markdown import (
    Section,
    code,
    cut_table,
    defused,
    fenced,
    fitted,
    items,
    size,
    titled,
)
from tests.reporters import cases
from tests.reporters.test_plan_text import with_field

RETRAINED = cases.golden("""\
### dpo-ops plan · account `acme`, stack `default`

**Plan: 2 to create, 0 to update, 1 to replace, 0 to delete, 0 unchanged.** \
Cost: not known (training is charged by the token; replicas are charged by the GPU second).

|  | resource | change | id | why |
| --- | --- | --- | --- | --- |
| `±` | `Deployment/serve` | replace | `serve-0000000002` | \
changed since serve-0000000001, which goes once the new one answers · \
then deletes serve-0000000001, once the new one answers |
| `+` | `Dataset/prefs` | create | `prefs-6262626262` | \
changed since prefs-6161616161, which is kept |
| `+` | `DPOJob/tune` | create | `tune-0000000002-a1` | \
changed since tune-0000000001-a1, which is kept |

- `Dataset/prefs` → `DPOJob/tune` → `Deployment/serve`

<details><summary>Deployment/serve: 2 fields</summary>

```diff
- baseModel: accounts/acme/models/tune-0000000001
+ baseModel: accounts/acme/models/tune-0000000002
+ deploymentShape: accounts/fireworks/deploymentShapes/llama-minimal (pinned)
```

</details>
""")


def test_a_plan_for_a_pull_request():
    text = plan_markdown(cases.retrained())
    assert text.startswith(RETRAINED)
    assert re.search(r"\nFingerprint: `sha256:[0-9a-f]{64}`\n$", text)


def test_no_changes_is_said_first():
    assert "**No changes.** 3 resources as the specs say." in plan_markdown(cases.in_sync())


def test_blocked_changes_come_first_with_their_findings():
    text = plan_markdown(cases.blocked())
    assert "- **error** `spec.yaml:1:1`: there is no base model" in text
    assert text.index("| `!` |") < text.index("| `+` |")


def test_text_from_a_spec_is_only_text():
    text = defused(cases.HOSTILE, PLAIN)
    assert "\n" not in text
    assert "<" not in text
    assert "@octocat" not in text
    assert "](" not in text.replace("\\](", "")
    assert not re.search(r"(?<!\\)[|`*\[\]#]", text)
    assert "http://" not in text


@pytest.mark.parametrize("hostile", ["``` x", "`", "a ```` b", "|", "\n\n# h", "</details>"])
def test_code_and_fences_hold_whatever_is_in_them(hostile: str):
    inline = code(hostile, PLAIN)
    ticks = re.match("`+", inline)
    assert ticks
    assert inline.endswith(ticks[0])
    assert ticks[0] not in inline[len(ticks[0]) : -len(ticks[0])]
    assert "|" not in inline
    block = fenced([hostile.replace("\n", " ")])
    fence = block.split("\n")[0]
    assert block.count(fence) == 2


def test_a_hostile_field_stays_in_its_fence():
    made = with_field(cases.scaled(), "description", "x", "```\n</details> @everyone <img>")
    text = plan_markdown(made)
    start = text.index("````diff")
    assert start < text.index("</details> @everyone") < text.index("\n````\n", start)


def test_what_does_not_fit_is_left_out_whole():
    made = cases.fresh()
    many = replace(made, changes=made.changes * 60)
    text = plan_markdown(many, limit=12_000)
    assert len(text.encode()) <= 12_000
    assert "sections left out: too long for one page" in text
    assert text.count("<details>") == text.count("</details>") > 0
    assert "*and 130 more rows*" in text
    assert "Fingerprint: `sha256:" in text


def test_bytes_are_counted_not_characters():
    text = fitted("start", ["偏" * 100] * 10, "end", what="parts", limit=1000)
    assert len(text.encode()) <= 1000
    assert "*8 of 10 parts left out" in text


def test_room_is_given_by_priority_and_the_order_stays():
    sections = [Section("a" * 300, 2), Section("b" * 300, 1), Section("c" * 900, 0), "d" * 100]
    text = fitted("start", sections, "end", what="parts", why="see below", limit=900, besides=2)
    assert [line[0] for line in text.splitlines() if line] == ["s", "b", "d", "*", "e"]
    assert "*4 of 6 parts left out: see below.*" in text


@given(st.text())
def test_no_text_has_more_units_of_utf_16_than_bytes(text: str):
    assert size(text) == len(text.encode())
    assert size(text) >= len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- x", "\\- x"),
        ("12. x", "12\\. x"),
        ("===", "\\==="),
        (":-:", "\\:-:"),
        ("-x 1. y", "-x 1. y"),
        ("+412", "+412"),
        (":tada: 10:30:00", ":\u200btada: 10:30:00"),
        ("WWW.x HTTPS://y gh-1", "WWW\u200b.x HTTPS:\u200b//y gh\u200b-1"),
    ],
)
def test_text_at_the_start_of_a_line_begins_nothing(text: str, expected: str):
    assert defused(text, PLAIN) == expected


def test_a_title_is_text_in_html():
    shown = "&lt;b&gt; @\u200bx #\u200b1 &amp;amp; http:\u200b//y"
    assert titled("<b> @x #1 &amp; http://y", PLAIN) == shown


def test_tables_and_lists_are_cut_by_rows():
    rows = [("x" * 10,)] * 10
    text = cut_table(("a",), rows, limit=45, more=5)
    assert text == "| a |\n| --- |\n" + "| xxxxxxxxxx |\n" * 3 + "\n*and 12 more rows*\n"
    assert items(["- x\n"] * 3, "finding", limit=8) == "- x\n- x\n- *and 1 more finding*\n"


def test_very_many_findings_do_not_take_the_page():
    made = replace(cases.fresh(), warnings=(cases.WARNING,) * 2_000)
    text = plan_markdown(made)
    assert len(text.encode()) <= 60_000
    assert re.search(r"- \*and 1,\d+ more findings\*\n", text)
    assert "| `+` |" in text


def test_validation_as_markdown():
    bad = Finding(Place("a|b.yaml", 1, 2), "@x <b>", "w", "f", "r", Severity.ERROR)
    text = findings_markdown(["a.yaml"], 0, [bad])
    assert "**Not valid: 1 error.**" in text
    assert "- **error** `a¦b.yaml:1:2`: @\u200bx &lt;b&gt; · w · f \\[r\\]" in text
    assert "**Valid:** 3 resources in 1 file." in findings_markdown(["a.yaml"], 3, [])
