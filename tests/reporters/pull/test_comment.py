from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dpo_ops.kinds.pricing import Cost, Per
from dpo_ops.planner import fingerprint
from dpo_ops.reporters.pull import (
    DataChange,
    Proposal,
    Stage,
    comment,
    header_of,
    summary,
    with_status,
)
from dpo_ops.reporters.pull.header import header_line
from dpo_ops.reporters.pull.status import LIMIT
from dpo_ops.resource import Address
from tests.reporters import cases
from tests.reporters.pull import scenes
from tests.reporters.pull.scenes import HEADER, STATUS

COMMENT = cases.golden("""\
### dpo-ops plan · `prod` · `a1b2c3d`

**2 to create, 0 to update, 1 to replace, 0 to delete, 0 unchanged** · \
cost: training \\$38.00 to \\$44.00; the rest is not known (replicas are charged by the GPU second)

account `acme`, stack `default`

> [!WARNING]
> **1 job will be trained** (training \\$38.00 to \\$44.00): `DPOJob/tune`

> [!CAUTION]
> **1 resource will be deleted**
> - once what replaces them answers: `serve-0000000001` of `Deployment/serve`

- **warning** `specs/a.yaml:3:5`: is long · it costs · shorten it \\[long\\]

|  | resource | change | why | cost |
| --- | --- | --- | --- | --- |
| `±` | `Deployment/serve` | replace | \
changed since serve-0000000001, which goes once the new one answers |  |
| `+` | `Dataset/prefs` | create | changed since prefs-6161616161, which is kept |  |
| `+` | `DPOJob/tune` | create | changed since tune-0000000001-a1, which is kept | \
\\$38.00 to \\$44.00 |

<details open><summary><code>Dataset/prefs</code>: +412 \u221237 ~12 pairs (⚠ 3 flipped)</summary>

`specs/prefs.jsonl`: 89 rows → 464 rows

> [!WARNING]
> **3 pairs flipped**: what was preferred is now rejected. Is that meant?

|  | pairs |  |
| --- | --- | --- |
| `+` | 412 | added |
| `-` | 37 | removed |
| `~` | 9 | edited: 9 both |
| `!` | 3 | flipped: the sides are swapped |
| `=` | 40 | the same |

- tokens of an epoch: +25,700 (estimate)
- cost of `DPOJob/tune`: \\$0.03 more

```diff
@@ flipped · line 1 → line 1 @@
  input: q1
- preferred: good
+ preferred: bad
- non-preferred: bad
+ non-preferred: good
```

</details>

<details><summary><code>DPOJob/tune</code> is trained: 2 fields changed, $38.00 to $44.00</summary>

`tune-0000000002-a1` · changed since tune-0000000001-a1, which is kept

Cost: \\$38.00 to \\$44.00: so many tokens

```diff
- dataset: accounts/acme/datasets/prefs-6161616161
+ dataset: accounts/acme/datasets/prefs-6262626262
- trainingConfig.outputModel: accounts/acme/models/tune-0000000001
+ trainingConfig.outputModel: accounts/acme/models/tune-0000000002
```

</details>

<details><summary><code>Deployment/serve</code> is replaced: 2 fields changed</summary>

`serve-0000000002` · changed since serve-0000000001, which goes once the new one answers

```diff
- baseModel: accounts/acme/models/tune-0000000001
+ baseModel: accounts/acme/models/tune-0000000002
+ deploymentShape: accounts/fireworks/deploymentShapes/llama-minimal (pinned)
```

</details>

<details><summary>How it hangs together</summary>

```mermaid
flowchart LR
  n0["#43; Dataset/prefs"]
  n1["#43; DPOJob/tune"]
  n2(["model tune-0000000002"])
  n3["#177; Deployment/serve"]
  n0 --> n1
  n1 --> n2
  n2 --> n3
  classDef made fill:#dafbe1,stroke:#1a7f37,color:#1f2328
  class n0,n1,n2 made
  classDef changed fill:#fff8c5,stroke:#9a6700,color:#1f2328
  class n3 changed
```

</details>

Fingerprint: `FINGERPRINT`

<!-- dpo-ops:status -->

🔵 **planned** in run [#123](https://github.com/acme/tunes/actions/runs/991) at 12:01 UTC · \
applies on merge

<!-- /dpo-ops:status -->
""")


def plan():
    made = cases.retrained()
    data, job, serve = made.changes
    job = replace(job, cost=Cost(38, 44, Per.JOB, "so many tokens"))
    return replace(made, changes=(data, job, serve), warnings=(cases.WARNING,))


def proposal(**said: Any) -> Proposal:
    texts = iter(["q1", "good", "bad", "q1", "bad", "good"])
    found = scenes.comparison(lambda: next(texts, "x"))
    change = DataChange(
        cases.DATA.address,
        "specs/prefs.jsonl",
        "specs/prefs.jsonl",
        replace(found, samples=found.samples[:1]),
        464,
    )
    return Proposal(
        "prod", HEADER.commit, **{"plan": plan(), "data": (change,), "samples": 3, **said}
    )


def test_a_comment():

    line, _, text = comment(proposal(), HEADER, STATUS).partition("\n")
    assert line == header_line(HEADER)
    assert text == COMMENT.replace("FINGERPRINT", fingerprint(plan()))


def test_no_row_of_data_is_shown_unless_it_is_asked_for():
    text = comment(proposal(samples=0), HEADER, STATUS)
    assert "preferred: " not in text
    assert "3 pairs flipped" in text
    assert "preferred: " not in summary(proposal(samples=0))


def test_at_most_so_many_rows_of_each_fate_are_shown():
    change = DataChange(cases.DATA.address, "a", "b", scenes.comparison(lambda: "x"))
    for samples, rows in ((1, 4), (2, 5)):
        text = comment(proposal(data=(change,), samples=samples), HEADER, STATUS)
        assert text.count("\n@@ ") == rows


def test_an_offline_plan_says_that_it_is_one_and_why():
    why = "the run has no key, as it comes from a fork"
    text = comment(proposal(offline=why), HEADER, replace(STATUS, stage=Stage.OFFLINE))
    assert "### dpo-ops plan, offline · `prod` · `a1b2c3d`" in text
    assert (
        "> **This is an offline plan.** The specs were compared with those of the base branch, not"
        f" with the account: {why}. What the account holds can change what is done."
    ) in text
    assert "account `acme`" not in text
    assert "⚪ **planned offline**" in text


def test_no_changes():
    text = comment(Proposal("prod", "abc", cases.in_sync()), HEADER, STATUS)
    assert "**No changes.** 3 resources as the specs say." in text
    assert "<details>" not in text
    assert "| resource |" not in text


def test_specs_that_are_not_valid():
    about = scenes.invalid(lambda: "plain")
    text = comment(about, HEADER, replace(STATUS, stage=Stage.INVALID))
    assert "> [!CAUTION]\n> **Nothing can be planned: 0 errors in the specs**\n" in text
    assert text.count("- **warning** `plain`: plain · plain · plain \\[plain\\]\n") == 2
    other = comment(scenes.invalid(lambda: "plain", specs=False), HEADER, STATUS)
    assert "> **Nothing can be planned: plain** · plain · plain · plain\n" in other


def test_blocked_changes_have_their_reason_and_train_nothing():
    text = comment(Proposal("prod", "abc", cases.held_up()), HEADER, STATUS)
    assert "- **error** `specs/a.yaml:9:1`: is wrong · no such model · name another" in text
    assert "will be trained" not in text
    assert "blocked: needs Dataset/prefs" in text


@pytest.mark.parametrize(
    ("before", "after", "title"),
    [
        (None, "a", "new, 7 pairs"),
        ("a", None, "gone, 7 pairs less"),
        ("a", "a", "7 pairs, not compared"),
    ],
)
def test_files_without_another_side(before: str | None, after: str | None, title: str):
    change = DataChange(Address("Dataset", "x"), before, after, None, 7, "too large")
    text = comment(proposal(data=(change,)), HEADER, STATUS)
    assert f"<summary><code>Dataset/x</code>: {title}</summary>" in text
    assert "\ntoo large\n" in text


def many(number: int) -> Proposal:
    made = plan()
    changes = tuple(
        replace(
            change,
            address=Address(change.address.kind, f"{change.address.name}-{n}"),
            needs=tuple(Address(need.kind, f"{need.name}-{n}") for need in change.needs),
        )
        for n in range(number)
        for change in made.changes
    )
    found = scenes.comparison(lambda: "x" * 200)
    data = tuple(
        DataChange(Address("Dataset", f"prefs-{n}"), "a", "b", found) for n in range(number)
    )
    return proposal(plan=replace(made, changes=changes), data=data)


def test_of_very_many_changes_the_first_are_shown_and_the_rest_is_counted():
    about = many(1_000)
    text = comment(about, HEADER, STATUS)
    assert "**2,000 to create, 0 to update, 1,000 to replace" in text
    assert "**1,000 jobs will be trained**" in text
    assert "`DPOJob/tune-9` and 990 more" in text
    assert text.count("| `±` |") == 50
    assert "*and 2,950 more rows*" in text
    assert "*The graph has 4,000 nodes, too many to be read.*" in text
    assert "3,005 sections left out: all of it is in the job's summary.*" in text
    assert text.count("<details open>") == 2
    assert text.count("<details") == text.count("</details>") > 10
    assert len(text.encode()) <= LIMIT - 18_000
    full = summary(about)
    assert "more rows" not in full
    assert full.count("| `±` |") == 1_000
    assert "dpo-ops:status" not in full
    assert "dpo_ops {" not in full
    assert len(full.encode()) <= 1_000_000


def test_what_matters_less_goes_first():
    text = comment(many(40), HEADER, STATUS, limit=30_000)
    assert "| `±` |" in text
    assert "flipped" in text
    assert "is replaced" not in text
    assert "sections left out" in text


def test_an_approval_that_has_no_room_is_said_to_be_missing():
    text = comment(proposal(), replace(HEADER, approved="x" * 30_000), STATUS)
    assert "> **The approval is too large to travel in this comment.**" in text
    assert header_of(text) == HEADER
    kept = comment(proposal(), replace(HEADER, approved="x" * 20_000), STATUS)
    assert "too large" not in kept
    assert len(with_status(kept, STATUS, "o" * 14_000).encode()) <= LIMIT
