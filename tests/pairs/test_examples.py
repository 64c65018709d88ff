"""The rulebook: every rule has an id, a page of explanation, and an example that breaks only it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dpo_ops.errors import Place
from dpo_ops.pairs import RULES, Limits, inspect, named
from dpo_ops.pairs.examples import EXAMPLES, GOOD, MARK
from dpo_ops.pairs.rulebook import explanation
from tests.pairs.rows import SHOWN, fine, inspect_bytes

if TYPE_CHECKING:
    from pathlib import Path

SHOWN_BY_A_ROW = {name: example for name, example in EXAMPLES.items() if example.bad}
OF_A_FILE = {"empty-file", "too-few-rows", "byte-order-mark"}


@pytest.mark.parametrize("name", SHOWN_BY_A_ROW)
def test_an_example_breaks_its_rule_and_no_other(tmp_path: Path, name: str) -> None:
    before = [] if name in OF_A_FILE else [fine(1), fine(2)]
    after = [] if name in OF_A_FILE - {"byte-order-mark"} else [fine(3), fine(4)]
    text = "\n".join([*before, SHOWN_BY_A_ROW[name].bad, *after])
    seen = text[: text.index(MARK)].replace("\ufeff", "")
    place = Place(SHOWN, seen.count("\n") + 1, len(seen) - seen.rfind("\n"))
    found = inspect_bytes(tmp_path, text.replace(MARK, "").encode()).findings
    assert [(f.rule, f.where) for f in found] == [(name, place)], found


@pytest.mark.parametrize("name", SHOWN_BY_A_ROW)
def test_a_mended_example_breaks_no_rule(tmp_path: Path, name: str) -> None:
    text = "\n".join([fine(1), EXAMPLES[name].good, fine(2)])
    assert inspect_bytes(tmp_path, text.encode()).findings == ()


def test_every_rule_has_an_id_of_its_own_and_an_example() -> None:
    ids = [rule.id for rule in RULES.values()]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"DPO[0-9]\d\d", id_) for id_ in ids)
    assert EXAMPLES.keys() == RULES.keys()


@pytest.mark.parametrize("name", RULES)
def test_every_rule_is_explained(name: str) -> None:
    text = explanation(RULES[name].id.lower())
    assert text == explanation(name)
    assert text is not None
    assert text.startswith(f"{RULES[name].id} {name} (")
    assert MARK not in text
    assert all(len(line) < 700 for line in text.splitlines())


def test_an_explanation_shows_a_bad_and_a_good_row() -> None:
    text = explanation("DPO402")
    assert text is not None
    assert '\nBad:\n  {"input": {"messages": [{"role": "bananas"' in text
    assert text.endswith(f"Good:\n  {GOOD}\n")


def test_a_rule_is_found_by_id_and_by_name() -> None:
    assert named("DPO203") == named("dpo203") == named("json-syntax") == "json-syntax"
    assert named("DPO999") is None
    assert explanation("nonsense") is None


@pytest.mark.parametrize(("epochs", "rules"), [(600_000, []), (1_000_000, ["too-many-examples"])])
def test_rows_times_epochs_are_counted(tmp_path: Path, epochs: int, rules: list[str]) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(map(fine, range(4))))
    found = inspect(path, shown=SHOWN, limits=Limits(epochs=epochs)).findings
    assert [f.rule for f in found] == rules
    if found:
        assert found[0].what == "4 rows times 1000000 epochs are 4,000,000 examples"


@pytest.mark.parametrize(("longer", "rules"), [(50, []), (52, ["length-bias"])])
def test_a_bias_to_the_longer_side_is_a_finding(
    tmp_path: Path, longer: int, rules: list[str]
) -> None:
    lines = [
        fine(n).replace("Because.", "Because it is so, and has been so for long." * (n < longer))
        if n < longer
        else fine(n).replace("Because.", "No.")
        for n in range(60)
    ]
    found = inspect_bytes(tmp_path, "\n".join(lines).encode()).findings
    assert [f.rule for f in found] == rules
    if found:
        assert found[0].what == "the longer side is preferred in 87 % of 60 pairs"
        assert found[0].where == Place(SHOWN, 1)
