"""A history, a lineage and a card to be shown, with any text wherever one can be."""

from __future__ import annotations

from dpo_ops.errors import Finding, Place, Severity
from dpo_ops.kinds.pricing import Cost, Per, Unpriced
from dpo_ops.planner.history import history
from dpo_ops.planner.lineage import graph
from dpo_ops.planner.releases import Commit, Release
from dpo_ops.reporters import read_metrics
from dpo_ops.reporters.card import Card, Setting, card_document
from dpo_ops.reporters.history import History, history_document
from dpo_ops.reporters.lineage import Lineage, lineage_document
from tests.reporters import cases

DOUBT = Finding(
    Place("abc1234:specs/a.yaml", 3, 4), "is wrong", "so", "mend", "x", Severity.WARNING
)


def commit(number: int, text: str) -> Commit:
    hash_ = f"{number}" * 40
    return Commit(hash_, hash_[:7], "2026-11-01T00:00:00+00:00", text, text)


def releases(text: str = "Ada: more pairs") -> tuple[Release, ...]:
    broken = Release(commit(3, text), None, findings=(DOUBT,))
    return (
        broken,
        Release(commit(2, text), cases.ALL),
        Release(commit(1, text), cases.ALL),
    )


def made_history(text: str = "Ada: more pairs", *, offline: bool = False) -> History:
    records = None if offline else cases.IN_PLACE
    entries = history(releases(text), "acme", records)
    account = None if offline else text
    return History(text, account, entries, (DOUBT,), "no key" if offline else "")


def made_lineage(text: str = "Ada: more pairs", *, offline: bool = False) -> Lineage:
    asked = f"models/{cases.JOB.id}"
    whole = graph(releases(text), "acme", None if offline else cases.IN_PLACE)
    account = None if offline else text
    found = whole.around(asked)
    return Lineage(asked, text, account, found, (DOUBT,), text if offline else "")


METRICS = b'{"step": 4, "train/total_steps": 4, "loss": 0.5, "margin": 0.2, "accuracy": 0.75}\n'


def card(text: str = "a/b") -> Card:
    return Card(
        model=text,
        address=text,
        stack=text,
        account=text,
        state=text,
        created="2026-11-01T00:00:00Z",
        base=text,
        weights=text,
        trainer=text,
        data=cases.DATA.content,
        digest="5" * 64,
        statistics=None,
        settings=[Setting(text, text, sent=True), Setting("b", 0.1, sent=False)],
        readings=read_metrics(METRICS),
        cost=Cost(0.5, 1.5, Per.JOB, text),
        serving=[text],
        commit=commit(1, text),
        paths=[text],
        values=[text],
    )


def bare() -> Card:
    return Card(
        "m", "", "s", None, "", "", "", "", "", None, "", None, [], None,
        Unpriced("who knows", Per.JOB), (), None, [], [],
    )  # fmt: skip


def documents() -> list[tuple[str, object]]:
    return [
        ("history", history_document(made_history())),
        ("history", history_document(made_history(offline=True))),
        ("lineage", lineage_document(made_lineage())),
        ("lineage", lineage_document(made_lineage(offline=True))),
        ("card", card_document(card())),
        ("card", card_document(bare())),
    ]
