"""Schedules drawn at random: commits, applies, kills, faults, rivals, strangers and time.

Each rule takes plain values only, so what Hypothesis prints of a failure is a script: put
`from tests.laws.machine import *` in front of it and run it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dpo_ops.errors import ApiError
from dpo_ops.executor import Outcome, Report, Waits, execute
from dpo_ops.kinds.deployment import NAME, OWNER
from dpo_ops.observer import observe, preflight
from dpo_ops.planner import Plan, plan, questions
from dpo_ops.planner.drift import drift
from dpo_ops.planner.saved import hold, restore, save
from tests.laws.hazards import Hazard, Killed
from tests.laws.schedule import Turn, Turns, in_order
from tests.laws.worlds import World, doc, rows, serving, settings, worlds
from tests.rehearsal import READS, Rehearsal

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    import httpx

    from dpo_ops.client import Client
    from dpo_ops.resource import State

__all__ = ["Releases", "World"]

TALLY: Counter[str] = Counter()
"""What the schedules of this session held, for the summary of a long run."""

PREFIX = "accounts/emulator"
OVER = {f"JOB_STATE_{word}" for word in ("FAILED", "CANCELLED", "EXPIRED", "EARLY_STOPPED")}
GONE = ("DELETED", "DELETING")
BY_POLICY = ("retry.max is", "retry.on does not name", "the same input would fail")
"""Why a job is rightly not tried again."""
DEFECTS = ("KeyError", "TypeError", "AttributeError", "IndexError", "ValueError", "AssertionError")
FOREIGN = {
    "deployments": ("a-serve-0-0123456789", "a-serve-1-0123456789"),
    "datasets": ("z-data-0-0123456789",),
    "models": ("m-job-0-0123456789",),
}
DAY = 86400
LONG = Waits(budget_s=DAY / 2)
PATIENCE = {
    "short": Waits(budget_s=60),
    "some": Waits(budget_s=900),
    "long": Waits(budget_s=DAY / 8),
    "none": Waits(leave=True),
}

which = st.integers(0, 5)
patience = st.sampled_from(sorted(PATIENCE))
nth = st.integers(1, 6)
when = st.sampled_from(["before", "after"])
FAULTS: tuple[dict[str, Any], ...] = (
    {"status": 500},
    {"status": 503},
    {"status": 503, "when": "after"},
    {"status": 500, "when": "after", "method": "POST"},
    {"status": 429, "headers": {"Retry-After": "7"}},
    {"status": 429, "path": "*/dpoJobs", "method": "POST"},
    {"drop": "connect"},
    {"drop": "read"},
    {"drop": "read", "when": "after"},
    {"drop": "protocol", "when": "after"},
    {"delay": 90},
    {"stale": True, "method": "GET"},
    {"stale": True, "method": "GET", "path": "*/dpoJobs"},
    {"stale": True, "method": "GET", "path": "*/deployments"},
    {"stale": True, "method": "GET", "path": "*/models"},
    {"stale": True, "method": "GET", "path": "*/datasets"},
    {"status": 404, "method": "GET", "path": "*/models/m-*"},
)
ENDINGS = (
    {"state": "JOB_STATE_FAILED", "status": {"code": "INTERNAL", "message": "the node went away"}},
    {"state": "JOB_STATE_FAILED", "status": {"code": "INVALID_ARGUMENT", "message": "bad rows"}},
    {"state": "JOB_STATE_EXPIRED"},
    {"state": "JOB_STATE_CANCELLED"},
    {"state": "JOB_STATE_EARLY_STOPPED"},
    {"state": "JOB_STATE_PAUSED"},
    {"state": "JOB_STATE_RUNNING"},
)


Edit = tuple[str, int, Any]
policies = st.fixed_dictionaries(
    {
        "onSupersede": st.sampled_from(["keep", "cancel", "finish"]),
        "retry": st.fixed_dictionaries(
            {
                "max": st.integers(0, 2),
                "on": st.sampled_from([["infrastructure"], ["infrastructure", "cancelled"]]),
            }
        ),
    }
)
edits = st.one_of(
    st.tuples(st.just("data"), which, rows),
    st.tuples(st.just("training"), which, settings),
    st.tuples(st.just("policy"), which, policies),
    st.tuples(st.just("serving"), which, serving),
    st.tuples(st.just("deployment added"), which, serving),
    st.tuples(st.just("deployment removed"), which, st.none()),
)
"""What a commit changes, in the which-th document that it can change, and to what."""


def _serves(world: World) -> bool:
    return any(one["kind"] == "Deployment" for one in world.docs)


def _edited(world: World, what: str, n: int, to: Any) -> World:
    if what == "data":
        name = sorted(world.data)[n % len(world.data)]
        return replace(world, data={**world.data, name: to})
    kind = "DPOJob" if what in ("training", "policy", "deployment added") else "Deployment"
    found = [one for one in world.docs if one["kind"] == kind]
    if not found:
        return world
    chosen = found[n % len(found)]
    if what == "deployment removed":
        return replace(world, docs=tuple(one for one in world.docs if one is not chosen))
    if what == "deployment added":
        name = f"a-serve-{n % 3}"
        new = doc("Deployment", name, {"model": {"dpoJob": chosen["metadata"]["name"]}, **to})
        kept = [one for one in world.docs if one["metadata"]["name"] != name]
        return replace(world, docs=(*kept, new))
    spec = _spec(what, chosen["spec"], to)
    docs = tuple({**one, "spec": spec} if one is chosen else one for one in world.docs)
    return replace(world, docs=docs)


def _spec(what: str, spec: dict[str, Any], to: Any) -> dict[str, Any]:
    if what == "serving":
        return {"model": spec["model"], **to}
    if what == "training":
        return {**spec, "trainingConfig": to}
    # A model of one's own compute is made once; it has no attempts to speak of.
    return spec if "trainer" in spec else {**spec, **to}


class Releases(RuleBasedStateMachine):
    """One stack in one account, over many commits, with all that can happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.after = ExitStack()
        self.after.enter_context(in_order())
        self.folder = Path(self.after.enter_context(tempfile.TemporaryDirectory()))
        self.rehearsal = self.after.enter_context(Rehearsal())
        self.states: dict[str, State] = {}
        self.history: list[World] = []
        self.settled: list[World] = []
        self.saved: dict[str, Any] | None = None
        self.written: list[str] = []
        TALLY["schedules"] += 1

    # The specs

    @initialize(world=worlds().filter(_serves))
    def first_commit(self, world: World) -> None:
        self._stranger()
        self._commit(world)

    @rule(edit=edits)
    def commit(self, edit: Edit) -> None:
        self._commit(_edited(self.world, *edit))

    @rule(back=st.integers(1, 6))
    def revert(self, back: int) -> None:
        self._commit(self.history[-1 - back % len(self.history)])

    # Releases

    @rule(patience=patience)
    def apply(self, patience: str) -> None:
        self._run(self.desired, PATIENCE[patience])

    @rule(nth=nth, when=when, patience=patience)
    def apply_killed(self, nth: int, when: str, patience: str) -> None:
        hazard = self._hazard(nth, when, kill=True)
        self._run(self.desired, PATIENCE[patience], wrap=hazard)

    @rule(edit=edits, nth=nth, when=when)
    def commit_and_apply_killed(self, edit: Edit, nth: int, when: str) -> None:
        self._commit(_edited(self.world, *edit))
        self._run(self.desired, LONG, wrap=self._hazard(nth, when, kill=True))

    @rule(nth=nth, when=when)
    def apply_with_a_reply_lost(self, nth: int, when: str) -> None:
        TALLY["faults"] += 1
        self._run(self.desired, LONG, wrap=self._hazard(nth, when, kill=False))

    @rule(
        runs=st.sampled_from([2, 2, 2, 3, 8]),
        seed=st.integers(0, 2**16),
        older=st.booleans(),
        nth=st.integers(0, 6),
        patience=patience,
    )
    def apply_at_once(self, runs: int, seed: int, older: bool, nth: int, patience: str) -> None:
        """Several at once, one of them perhaps from an older commit, one perhaps killed."""
        wanted = [self.desired] * runs
        if older:
            wanted[0] = self._loaded(self.history[-2 % len(self.history)])
        self.at_once(wanted, seed, PATIENCE[patience], nth)

    @rule()
    def save_a_plan(self) -> None:
        try:
            self.saved = json.loads(json.dumps(save(self._plan(self.desired), self.desired)))
        except ApiError:
            self.saved = None

    @precondition(lambda self: self.saved is not None)
    @rule()
    def apply_the_saved_plan(self) -> None:
        assert self.saved
        saved = restore(self.saved)
        self._run(saved.desired, LONG, held=lambda fresh: hold(fresh, saved))

    @rule()
    def prune(self) -> None:
        self._run(self.desired, LONG, prune=True)

    @rule()
    def look(self) -> None:
        """Law 8: to plan and to look for drift sends no write."""
        self._writes_of_ours()
        try:
            seen = observe(self.rehearsal.client, self.desired)
            drift(self.desired, seen, self._plan(self.desired), (), "2026-01-01")
        except ApiError:
            return
        assert self._writes_of_ours() == []

    # What goes wrong

    @rule(fault=st.sampled_from(FAULTS), nth=st.integers(1, 20), times=st.integers(1, 12))
    def fault(self, fault: dict[str, Any], nth: int, times: int) -> None:
        TALLY["faults"] += 1
        self.rehearsal.fault(**fault, nth=nth, times=times)

    @rule(nth=st.integers(1, 30), drop=st.sampled_from(["connect", "read"]))
    def outage(self, nth: int, drop: str) -> None:
        """From the n-th request on nothing answers, for a long while."""
        TALLY["faults"] += 1
        self.rehearsal.fault(drop=drop, nth=nth, times=60)

    @rule()
    def lift(self) -> None:
        self.rehearsal.admin("DELETE", "faults")
        self.rehearsal.admin("POST", "settings", {"jobOverrides": []})

    @rule(ending=st.sampled_from(ENDINGS), job=st.sampled_from(["*", "*-a1", "m-job-0-*"]))
    def jobs_end_as(self, ending: dict[str, Any], job: str) -> None:
        TALLY["faults"] += 1
        said = {"job": job, "at": "JOB_STATE_RUNNING", **ending}
        self.rehearsal.admin("POST", "settings", {"jobOverrides": [said]})

    @rule(seconds=st.sampled_from([30, 200, 600, 3600, DAY, 9 * DAY]))
    def let_time_pass(self, seconds: int) -> None:
        self.rehearsal.clock.sleep(seconds)

    @rule(n=which, what=st.sampled_from(["patch", "delete", "cancel"]))
    def by_hand(self, n: int, what: str) -> None:
        """Somebody with the key does something that no spec says."""
        there = self._live() if what != "cancel" else self._rows("dpoJobs")
        if not there:
            return
        name = sorted(there)[n % len(there)]
        with self._without_faults() as client:
            if what == "patch":
                client.patch(f"{PREFIX}/deployments/{name}", {"maxReplicaCount": 2})
            elif what == "delete":
                client.delete(f"{PREFIX}/deployments/{name}", {"ignoreChecks": "true"})
            elif there[name]["state"] in ("JOB_STATE_PENDING", "JOB_STATE_RUNNING"):
                client.post(f"{PREFIX}/dpoJobs/{name}:cancel", {})
        TALLY["by hand"] += 1
        self.rehearsal.forget_requests()

    @invariant()
    def count(self) -> None:
        TALLY["steps"] += 1

    # What always holds: looked at after every apply, so that a printed script looks there too

    def _holds(self) -> None:
        self.nothing_is_paid_twice()
        self.nothing_of_others_is_touched()
        self.what_serves_carries_our_mark()

    def nothing_is_paid_twice(self) -> None:
        """Only an attempt that is over without a model is followed by another one."""
        by_model: dict[str, dict[int, str]] = {}
        for id_, job in self._rows("dpoJobs").items():
            model, _, attempt = id_.rpartition("-a")
            assert job["trainingConfig"]["outputModel"].endswith(f"/{model}")
            by_model.setdefault(model, {})[int(attempt)] = job["state"]
        for model, attempts in by_model.items():
            numbers = sorted(attempts)
            assert numbers == list(range(1, len(numbers) + 1)), (model, attempts)
            earlier = {attempts[number] for number in numbers[:-1]}
            assert earlier <= OVER, (model, attempts)

    def nothing_of_others_is_touched(self) -> None:
        for write in self._look_at_writes():
            assert not any(id_ in write for ids in FOREIGN.values() for id_ in ids), write
            deletes = write.startswith("DELETE")
            assert not deletes or "/deployments/" in write, write
        for collection, ids in FOREIGN.items():
            rows = self._rows(collection)
            for id_ in ids:
                assert rows[id_].get("state") not in GONE, id_

    def what_serves_carries_our_mark(self) -> None:
        for id_, record in self._live().items():
            marks = record["annotations"]
            assert marks[OWNER] == "default", id_
            assert id_.startswith(marks[NAME]), id_

    @rule()
    def settle(self) -> None:
        """Once nothing goes wrong any more, it converges, and then stays as it is."""
        self.lift()
        self.rehearsal.clock.sleep(600)
        for _ in range(5):
            report = self._run(self.desired, LONG)
            assert isinstance(report, Report), report
            if report.exit_code == 0 or _is_final(report):
                break
            self.rehearsal.clock.sleep(3600)
        assert report.exit_code == 0 or _is_final(report), _words(report)
        self._in_place(self.desired)
        if report.exit_code == 0:
            self.settled.append(self.world)
        TALLY["settled"] += 1

    @precondition(lambda self: self.settled)
    @rule(n=which)
    def go_back(self, n: int) -> None:
        """Law 6: what has been in place once is in place again without an upload or a training."""
        self.lift()
        self._commit(self.settled[n % len(self.settled)])
        trained = len(self.rehearsal.apprentice.orders)
        self._writes_of_ours()
        report = self._run(self.desired, LONG)
        assert isinstance(report, Report), report
        made = ("/datasets", "/dpoJobs", "/models")
        writes = self._writes_of_ours()
        assert not [w for w in writes if any(part in w for part in made)], writes
        assert len(self.rehearsal.apprentice.orders) == trained
        TALLY["went back"] += 1

    def teardown(self) -> None:
        try:
            # What failed already is what counts; a second failure would hide it.
            if self.history and sys.exc_info()[1] is None:
                self.settle()
        finally:
            self.after.close()

    def at_once(
        self, wanted: list[State], seed: int, waits: Waits = LONG, nth: int = 0
    ) -> list[Report | BaseException]:
        """Let one run for each of `wanted` go on at the same time, in turns that `seed` decides.

        The second is killed after its `nth` write.
        """
        turns = Turns(seed)
        with ExitStack() as clients:
            calls = []
            for me, desired in enumerate(wanted):
                client = self._client(self._turn(turns, me, nth if me == 1 else 0))
                calls.append(self._call(desired, waits, clients.enter_context(client)))
            ended: list[Report | BaseException] = turns.all(calls)
        for one in ended:
            self._judge(one)
        self._holds()
        TALLY["at once"] += 1
        return ended

    def committed(self, edit: Edit) -> State:
        """Return what is wanted after one more commit."""
        self._commit(_edited(self.world, *edit))
        return self.desired

    # Below: how it is done

    @property
    def world(self) -> World:
        return self.history[-1]

    @property
    def desired(self) -> State:
        return self._loaded(self.world)

    def _loaded(self, world: World) -> State:
        key = repr(world)
        if key not in self.states:
            self.states[key] = world.load(self.folder / str(len(self.states)))
        return self.states[key]

    def _commit(self, world: World) -> None:
        self.history.append(world)
        TALLY["commits"] += 1

    def _stranger(self) -> None:
        """Put into the account what belongs to others, under names that look like ours."""
        client, base = self.rehearsal.client, "accounts/fireworks/models/llama-v3p1-8b-instruct"
        for id_ in FOREIGN["datasets"]:
            said = {"displayName": "of others", "exampleCount": "3", "userUploaded": {}}
            client.post(f"{PREFIX}/datasets", {"datasetId": id_, "dataset": said})
        for id_ in FOREIGN["models"]:
            said = {"kind": "HF_PEFT_ADDON", "peftDetails": {"baseModel": base, "r": 8}}
            said["peftDetails"]["targetModules"] = ["q_proj"]
            client.post(f"{PREFIX}/models", {"modelId": id_, "model": said})
        marks = ({}, {OWNER: "other", NAME: "a-serve-1"})
        for id_, mark in zip(FOREIGN["deployments"], marks, strict=True):
            said = {"baseModel": base, "minReplicaCount": 1, "annotations": mark}
            said |= {"acceleratorType": "NVIDIA_H100_80GB", "acceleratorCount": 1}
            client.post(f"{PREFIX}/deployments", said, {"deploymentId": id_})
        room = {"h100-count": 500, "h200-count": 500, "a100-count": 500, "b200-count": 500}
        self.rehearsal.admin("POST", "settings", {"quotas": room})
        self.rehearsal.forget_requests()

    def _client(self, wrap: Callable[[httpx.BaseTransport], httpx.BaseTransport]) -> Client:
        self.rehearsal.wrap = wrap
        try:
            return self.rehearsal.connect()
        finally:
            self.rehearsal.wrap = _straight

    def _hazard(
        self, nth: int, when: Any, *, kill: bool
    ) -> Callable[[httpx.BaseTransport], httpx.BaseTransport]:
        return lambda inner: Hazard(inner, nth, when, kill)

    def _turn(
        self, turns: Turns, me: int, nth: int
    ) -> Callable[[httpx.BaseTransport], httpx.BaseTransport]:
        return lambda inner: Turn(Hazard(inner, nth, "after"), turns, me)

    def _plan(self, desired: State, client: Client | None = None, *, prune: bool = False) -> Plan:
        client = client or self.rehearsal.client
        seen = observe(client, desired)
        return plan(desired, seen, preflight(client, questions(desired, seen)), prune=prune)

    def _call(
        self,
        desired: State,
        waits: Waits,
        client: Client,
        *,
        held: Callable[[Plan], Plan] = lambda fresh: fresh,
        prune: bool = False,
    ) -> Callable[[], Report]:
        rehearsal = self.rehearsal

        def call() -> Report:
            made = held(self._plan(desired, client, prune=prune))
            return execute(
                made,
                client,
                on_event=lambda _: None,
                clock=rehearsal.clock,
                random=_fixed(),
                secret=rehearsal.environ.__getitem__,
                workshop=rehearsal.workshop(),
                waits=waits,
            )

        return call

    def _run(
        self,
        desired: State,
        waits: Waits,
        *,
        wrap: Callable[[httpx.BaseTransport], httpx.BaseTransport] | None = None,
        **how: Any,
    ) -> Report | BaseException:
        ended: Report | BaseException
        with self._client(wrap or _straight) as client:
            try:
                ended = self._call(desired, waits, client, **how)()
            except (ApiError, Killed) as error:
                ended = error
        self._judge(ended)
        self._holds()
        return ended

    def _judge(self, ended: Report | BaseException) -> None:
        """Hold what a run said of itself: killed, could not see the account, or its report."""
        TALLY["applies"] += 1
        if isinstance(ended, Killed):
            TALLY["kills"] += 1
            return
        if isinstance(ended, ApiError):
            return
        if isinstance(ended, BaseException):
            raise ended
        assert ended.exit_code in (0, 1, 3)
        for end in ended.ended:
            assert not end.message.startswith(DEFECTS), end

    def _rows(self, collection: str) -> dict[str, dict[str, Any]]:
        """Return what is there, by id, past all faults; without what is of others and deleted."""
        with self.rehearsal.emulator._opened() as world:
            found = world.store.rows(collection, f"{PREFIX}/")
        return {row.id: row.fields for row in found}

    def _live(self) -> dict[str, dict[str, Any]]:
        return {
            id_: record
            for id_, record in self._rows("deployments").items()
            if record["state"] not in GONE and id_ not in FOREIGN["deployments"]
        }

    def _writes_of_ours(self) -> list[str]:
        """Return what has been written since this was asked last."""
        self._look_at_writes()
        written, self.written = self.written, []
        return written

    def _look_at_writes(self) -> list[str]:
        """Return what has been written since anybody looked."""
        with self.rehearsal.emulator._opened() as world:
            log = world.store.requests()
            world.store.clear_requests()
        seen = [
            f"{r['method']} {r['path']}"
            for r in log
            if r["method"] != "GET" and not r["path"].endswith(READS)
        ]
        self.written += seen
        return seen

    def _without_faults(self) -> Client:
        """Return a client for somebody else; what was to go wrong with ours is forgotten."""
        self.rehearsal.admin("DELETE", "faults")
        return self._client(_straight)

    def _in_place(self, desired: State) -> None:
        """Laws 1, 2 and 8, and nothing orphaned."""
        self._writes_of_ours()
        again = self._plan(desired)
        stuck = {c.address for c in again.changes if c.blocked}
        for change in again.changes:
            if change.steps:
                assert stuck & set(change.needs), (str(change.address), change.reason)
                stuck.add(change.address)
        ended = self._run(desired, LONG)
        assert self._writes_of_ours() == []
        assert isinstance(ended, Report)
        live = Counter(record["annotations"][NAME] for record in self._live().values())
        wanted = {a.name: r for a, r in desired.items() if a.kind == "Deployment"}
        for address, resource in desired.items():
            if address.kind == "Deployment" and address not in stuck:
                assert live[address.name] == 1, (str(address), live)
                assert resource.id in self._live()
        warned = {str(w.where).partition("/")[2] for w in again.warnings if w.rule == "stray"}
        assert set(live) - set(wanted) == warned


def _straight(inner: httpx.BaseTransport) -> httpx.BaseTransport:
    return inner


def _fixed() -> Random:
    from random import Random  # noqa: PLC0415

    return Random(7)  # noqa: S311  -- jitter, not a secret


def _is_final(report: Report) -> bool:
    """Say whether all that is left undone is so because a policy says so."""
    if report.having(Outcome.FAILED, Outcome.RUNNING, Outcome.NOT_STARTED):
        return False
    stopped = report.having(Outcome.BLOCKED)
    return all(any(why in end.message for why in BY_POLICY) for end in stopped)


def _words(report: Report) -> list[str]:
    return [f"{end.address}: {end.outcome}: {end.message}" for end in report.ended]
