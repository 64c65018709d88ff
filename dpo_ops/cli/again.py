"""How a run is carried on: as commands that work where this one did."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from dpo_ops.cli.options import EMULATOR_DATA, EMULATOR_SPEED, TINY, Specs
from dpo_ops.reporters import Carry, Hint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpo_ops.cli.options import Target
    from dpo_ops.cli.screen import Screen
    from dpo_ops.planner.saved import Saved


def same(screen: Screen) -> Carry:
    """Return that the same command does it: what is approved by it is all that it finds to do."""
    return Carry(Hint("run this (nothing is done twice)", _shell(*screen.given)))


def of_plan(screen: Screen, specs: Specs, target: Target, saved: Saved) -> Carry:
    """Return that the saved plan is still good for what is left of it, and for nothing else."""
    if not saved.made_from:
        anew = Hint("make one with `dpo-ops plan --out`, and have that reviewed")
    else:
        words = [*saved.made_from, *_target(target), "--out", str(specs.paths[0])]
        anew = Hint("make one, and have that reviewed", _shell("plan", *words))
    return Carry(same(screen).again, anew)


def of_fingerprint(specs: Specs, target: Target, *, prune: bool) -> Carry:
    """Return that a fingerprint is of one whole plan, so that the rest of it has another."""
    plan = _shell("plan", *specs_words(specs, prune=prune), *_target(target))
    return Carry(Hint("plan anew and approve that (the rest has another fingerprint)", plan))


def specs_words(specs: Specs, *, prune: bool) -> list[str]:
    """Return what `plan` is given to plan the same specs."""
    values = [word for path in specs.values for word in ("--values", str(path))]
    return [*map(str, specs.paths), *values, *(["--prune"] if prune else [])]


def _shell(*words: str) -> str:
    return shlex.join(("dpo-ops", *words))


def _target(target: Target) -> Iterator[str]:
    """Yield the options that mean the same account; those left out say what they would say."""
    if target.account:
        yield from ("--account", target.account)
    if not target.emulator:
        return
    yield "--emulator"
    if target.data != EMULATOR_DATA:
        yield from ("--emulator-data", str(target.data))
    if target.speed != EMULATOR_SPEED:
        yield from ("--emulator-speed", f"{target.speed:g}")
    if target.engine.name != "auto":
        yield from ("--emulator-engine", target.engine.name)
    if target.engine.weights != TINY:
        yield from ("--emulator-weights", target.engine.weights)
