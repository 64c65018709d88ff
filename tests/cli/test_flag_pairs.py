"""Every pair of flags that bear on approval or deletion: refused unwritten, or only what was said.

The rows stand for the options that the commands have; one without a row, or a note why it needs
none, fails a test.
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dpo_ops.cli.screen import Screen
from tests.cli.test_gc import advance, writes
from tests.history import repo, rows
from tests.history import specs as written

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Run


STRAY = """\
---
apiVersion: dpo-ops/v1
kind: Deployment
metadata: {name: old}
spec: {model: {dpoJob: tutor-tune}, maxReplicaCount: 1}
"""
ASIDE = {
    "emulator_data": "where the account is kept",
    "emulator_speed": "how fast its time goes",
    "emulator_engine": "what trains in it",
    "emulator_weights": "what answers in it",
    "verbose": "how much is shown",
    "no_color": "how it is shown",
}
"""Options that say nothing of what may be written, and what they say instead."""


@dataclass(frozen=True)
class Said:
    """One flag as it can be given; `option` names it, or begins with `$` where it is no option."""

    option: str
    word: str
    words: tuple[str, ...] = ()


FILE = Said("paths", "FILE", ("release.plan",))
VALUES = Said("values", "--values", ("--values", "values.yaml"))
AUTO = Said("auto_approve", "--auto-approve", ("--auto-approve",))
RIGHT, PRUNED = (Said("expect", f"--expect {w}", ("--expect", w)) for w in ("right", "pruned"))
WRONG = Said("expect", "--expect wrong", ("--expect", "sha256:" + "0" * 64))
EMPTY = Said("expect", "--expect ''", ("--expect", ""))
BUDGET = Said("wait_budget", "--wait-budget", ("--wait-budget", "1h"))
NO_WAIT = Said("no_wait", "--no-wait", ("--no-wait",))
CARDS = Said("cards", "--cards", ("--cards", "cards"))
PRUNE = Said("prune", "--prune", ("--prune",))
OTHER = Said("account", "--account", ("--account", "other"))
NO_EMULATOR = Said("emulator", "no --emulator")
JSON = Said("format_", "--format json", ("--format", "json"))
CI = Said("$ci", "CI=true")
YES, NO = Said("$asked", "yes"), Said("$asked", "no")
EVERY = Said("every", "--every", ("--every", "1s"))
LISTEN = Said("listen", "--listen", ("--listen", "127.0.0.1:0"))
ALL = Said("everything", "--all", ("--all",))
KEEP = Said("keep_last", "--keep-last 9", ("--keep-last", "9"))
AGE = Said("older_than", "--older-than 30d", ("--older-than", "30d"))
MOST = Said("at_most", "--at-most 0", ("--at-most", "0"))
DRY = Said("dry_run", "--dry-run", ("--dry-run",))

EVERYWHERE = (VALUES, OTHER, NO_EMULATOR, JSON, CI, YES, NO)
ROWS = {
    "apply": (FILE, AUTO, RIGHT, PRUNED, WRONG, EMPTY, BUDGET, NO_WAIT, CARDS, PRUNE, *EVERYWHERE),
    "reconcile": (FILE, BUDGET, NO_WAIT, CARDS, EVERY, LISTEN, *EVERYWHERE),
    "destroy": (FILE, AUTO, ALL, *EVERYWHERE),
    "gc": (FILE, AUTO, KEEP, AGE, MOST, DRY, *EVERYWHERE),
}
BEFORE = {"gc": ("--older-than", "0", "--keep-last", "1")}
"""What else is given, first, so that there is something to do."""
REFUSED = {
    frozenset(pair)
    for pair in (
        *((FILE, other) for other in (VALUES, AUTO, CARDS, PRUNE, OTHER, WRONG, EMPTY, PRUNED)),
        *((AUTO, expect) for expect in (RIGHT, PRUNED, WRONG, EMPTY)),
        (BUDGET, NO_WAIT),
        (EVERY, BUDGET),
        (EVERY, NO_WAIT),
        (AUTO, DRY),
    )
}
"""Pairs that contradict each other."""
UPDATE, STRAYS, OURS = r"PATCH .*deployments/tutor-.*", r"DELETE .*deployments/old-.*", r"DELETE .*"
SERVED = r"DELETE .*deployments/tutor-.*"


def of_apply(said: frozenset[Said]) -> str:
    right = PRUNED if PRUNE in said else RIGHT
    wrong = {RIGHT, PRUNED, WRONG, EMPTY} - {right}
    if not {FILE, AUTO, YES, right} & said or wrong & said or {OTHER, RIGHT} <= said:
        return ""
    if OTHER in said:
        return "POST .*"  # Nothing is there yet.
    return f"{UPDATE}|{STRAYS}" if PRUNE in said else UPDATE


def of_reconcile(said: frozenset[Said]) -> str:
    if LISTEN in said and EVERY not in said:
        return ""
    return "POST .*" if OTHER in said else UPDATE


def of_destroy(said: frozenset[Said]) -> str:
    if not {AUTO, YES} & said or {FILE, OTHER} & said:
        return ""
    return OURS if ALL in said else SERVED


def of_gc(said: frozenset[Said]) -> str:
    return OURS if AUTO in said and not {FILE, OTHER, KEEP, AGE, MOST} & said else ""


MAY: dict[str, Callable[[frozenset[Said]], str]] = {
    "apply": of_apply,
    "reconcile": of_reconcile,
    "destroy": of_destroy,
    "gc": of_gc,
}


def may_write(name: str, said: frozenset[Said]) -> str:
    """Return what may be written: a pattern of requests, one of which must occur; "": nothing."""
    return "" if said in REFUSED or NO_EMULATOR in said else MAY[name](said)


@pytest.fixture(scope="module")
def _account(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("account") / "made"


@pytest.fixture
def stage(_account: Path, folder: Path, run: Run) -> Path:
    """Return a folder with a change to make, a stray to prune and a model to collect."""
    if not _account.exists():
        made = repo(folder)
        made.put(".gitignore", ".dpo-ops\nhome\n")
        # Without a name of the stack nothing is pruned or collected.
        made.put(
            "specs/stack.yaml", "apiVersion: dpo-ops/v1\nkind: Stack\nmetadata: {name: default}\n"
        )
        apply = ("apply", "--emulator", "--emulator-speed", "20000", "--auto-approve")
        for epochs, more, days in ((3, "", 0), (1, "", 30), (1, STRAY, 0), (2, "", 0)):
            made.commit("so", specs__a_yaml=written(epochs) + more, specs__tutor_jsonl=rows())
            assert run(*apply).code == 0
            # Until then a deleted deployment can come back, and keeps its model.
            advance(folder, days)
        made.commit("a change", specs__a_yaml=written(2, replicas=2), values_yaml="a: 1\n")
        plan = ("plan", "--emulator", "--format", "json")
        found = {
            "right": run(*plan, "--out", "release.plan").document("plan")["fingerprint"],
            "pruned": run(*plan, "--prune").document("plan")["fingerprint"],
        }
        assert found["right"] != found["pruned"]
        (folder / "fingerprints.json").write_text(json.dumps(found))
        writes(folder)
        shutil.copytree(folder, _account, symlinks=True)
    return _account


def carry_out(
    name: str, said: frozenset[Said], run: Run, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, list[str], str]:
    """Return exit code, writes and what was said of one command in the current folder."""
    known = json.loads(Path("fingerprints.json").read_text())
    flags = [flag for one in sorted(said, key=str) for flag in one.words]
    words = [name, *(known.get(flag, flag) for flag in flags)]
    words[1:1] = BEFORE.get(name, ())
    words += [] if NO_EMULATOR in said else ["--emulator", "--emulator-speed", "20000"]
    asked = said & {YES, NO}
    answer = "default" if name == "destroy" else "y"
    monkeypatch.setattr(Screen, "interactive", property(lambda _: bool(asked)))
    if EVERY in said:
        heard = itertools.count()
        monkeypatch.setattr("dpo_ops.cli.stopping.Stop.__call__", lambda _: next(heard) > 30)
        monkeypatch.setattr("dpo_ops.cli.rounds.sleep_unless", lambda *_: None)
    done = run(
        *words,
        input=f"{answer}\n" if YES in said else "no\n",
        env={"CI": "true"} if CI in said else {},
    )
    return done.code, writes(Path.cwd()), f"{words}: {done.code}\n{done.out}\n{done.err}"


def check(allowed: str, ran: tuple[int, list[str], str]) -> None:
    code, sent, told = ran
    if not allowed:
        assert sent == [], told
        return
    # Waits and proofs of what was changed write marks of their own, and nothing else.
    pattern = re.compile(rf"(?:{allowed})|POST .*:(?:setTags|validateUpload)")
    assert [one for one in sent if not pattern.fullmatch(one)] == [], told
    for part in allowed.split("|"):
        assert any(re.fullmatch(part, one) for one in sent), told
    assert code in (0, 3), told


CASES = [(name, said) for name in ROWS for said in ROWS[name]]


@pytest.mark.parametrize(
    ("name", "first"), CASES, ids=lambda one: one if isinstance(one, str) else one.word
)
def test_a_pair_writes_only_what_it_approves(
    name: str, first: Said, stage: Path, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = ROWS[name][ROWS[name].index(first) :]
    for number, second in enumerate(behind):
        if second is not first and second.option == first.option:
            continue
        there = folder / f"case-{number}"
        shutil.copytree(stage, there, symlinks=True)
        with monkeypatch.context() as patch:
            patch.chdir(there)
            said = frozenset({first, second})
            ran = carry_out(name, said, run, patch)
            check(may_write(name, said), ran)
            if said in REFUSED or NO_EMULATOR in said:
                assert ran[0] == 1, ran


@pytest.mark.parametrize("name", ROWS)
def test_every_option_has_a_row_or_a_reason(name: str) -> None:
    command = import_module(f"dpo_ops.cli.commands.{name}").command
    options = {parameter.name for parameter in command.params} - set(ASIDE)
    assert {said.option for said in ROWS[name] if not said.option.startswith("$")} == options


def test_each_command_has_what_it_may_write_under_some_pair() -> None:
    for name, rows_ in ROWS.items():
        verdicts = {may_write(name, frozenset(pair)) for pair in itertools.combinations(rows_, 2)}
        assert "" in verdicts
        assert len(verdicts) > 1
