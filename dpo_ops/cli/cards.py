"""What a model card is put together from: Git, the account, and files of this machine."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dpo_ops.cli.measuring import local_metrics
from dpo_ops.cli.past import look_at_all, look_with, one_of
from dpo_ops.errors import DpoOpsError
from dpo_ops.executor.events import Outcome
from dpo_ops.kinds import every_kind, kind_of
from dpo_ops.kinds.facts import Listing
from dpo_ops.kinds.values import leaves, look_up
from dpo_ops.loader import repository_root
from dpo_ops.loader.repository import Repository
from dpo_ops.pairs.atomic import written
from dpo_ops.pairs.prices import prices
from dpo_ops.pairs.stats import statistics
from dpo_ops.planner import Action
from dpo_ops.planner.history import data_of, maker, name_in, serving_in, settings, standing_of
from dpo_ops.planner.lineage import graph
from dpo_ops.planner.mentions import held, mentions
from dpo_ops.reporters import Readings, read_metrics
from dpo_ops.reporters.card import Card, Setting, card_markdown
from dpo_ops.resource import Health, last_segment, qualify

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dpo_ops.cli.options import Specs, Target
    from dpo_ops.cli.past import Past
    from dpo_ops.cli.screen import Screen
    from dpo_ops.client import Client
    from dpo_ops.executor import Report
    from dpo_ops.kinds import Kind
    from dpo_ops.kinds.pricing import Cost, Unpriced
    from dpo_ops.pairs.stats import Statistics
    from dpo_ops.planner.lineage import Graph
    from dpo_ops.planner.releases import Release
    from dpo_ops.resource import Content, Json, Resource


def cards_of(
    screen: Screen, specs: Specs, target: Target, asked: Sequence[str], *, offline: bool
) -> list[Card]:
    """Return the cards of the models that are meant. Errors: DpoOpsError, ApiError."""
    fetched = _Fetched(asked)
    past = look_at_all(screen, specs, target, offline=offline, also=fetched.fetch)
    return _cards(past, fetched, specs)


@dataclass(slots=True)
class Cards:
    """Writes cards into `folder`, each named by its model's id, and says a failure once."""

    screen: Screen
    folder: Path
    said: set[str] = field(default_factory=set)

    def write(self, specs: Specs, client: Client, report: Report) -> None:
        """Write the card of each model that a run has made, or seen to be made and without one.

        What can't be written is only said: what was made is made.
        """
        fetched = _Fetched([name_in(made) for made in self._wanting(report)])
        if not fetched.asked:
            return
        try:
            past = look_with(self.screen, client, specs)
            fetched.fetch(client, past)
            for card in _cards(past, fetched, specs):
                text = card_markdown(card, self.screen.data_style())
                write_text(self.screen, self._path(card.model), text)
        except DpoOpsError as error:
            if str(error) not in self.said:
                self.screen.say(f"warning: no model card was written: {error}\n")
            self.said.add(str(error))

    def _wanting(self, report: Report) -> Iterator[Resource]:
        """Yield what is there and has no card: one that was made just now has none of its own."""
        outcomes = {end.address: end.outcome for end in report.ended}
        for change in report.plan.changes:
            made = change.resource
            if made is None or not change.kind.trains or change.action is Action.DELETE:
                continue
            outcome, ready = outcomes[change.address], change.health is Health.CURRENT
            known = self._path(last_segment(name_in(made))).exists()
            if outcome is Outcome.DONE or (outcome is Outcome.IN_SYNC and ready and not known):
                yield made

    def _path(self, model: str) -> Path:
        return self.folder / f"{model}.md"


def _cards(past: Past, fetched: _Fetched, specs: Specs) -> list[Card]:
    whole = graph(past.releases, past.account or "-", past.records)
    names = [model_in(whole, one) for one in fetched.asked]
    return [_card(past, name, fetched.readings.get(name), specs) for name in names]


def write_text(screen: Screen, path: Path, text: str) -> None:
    """Write a card to `path`, over one that is there. Errors: DpoOpsError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = "the folder can't be made"
        raise DpoOpsError(what, where=str(path.parent), why=error.strerror or "") from error
    with written([path], force=True) as (file,):
        file.write(screen.masks(text).encode())
    screen.say(f"written: {path}\n")


def _card(past: Past, name: str, readings: Readings | None, specs: Specs) -> Card:
    found = maker(past.releases, name)
    readings = readings or _local(last_segment(name))
    if found is None:
        return _of_records(past, name, readings, specs)
    release, resource = found
    kind = kind_of(resource)
    content = data_of(resource, release.desired)
    stats = _statistics(specs, release, content)
    recipe = resource.recipe
    return Card(
        model=last_segment(name),
        address=str(resource.address),
        stack=resource.stack,
        account=past.account,
        state=_state(past, resource),
        created=str(_made(past, name).get("createTime") or ""),
        base=str(resource.options.get("base") or ""),
        weights=recipe.weights if recipe else "",
        trainer=recipe.trainer if recipe else "the managed service",
        data=content,
        digest=content.digest if content else "",
        statistics=stats,
        settings=_settings(resource, kind, _maker_record(kind, past, name), past.account or "-"),
        readings=readings,
        cost=_cost(resource, release, stats),
        serving=_serving(past, name),
        commit=release.commit,
        paths=[str(path) for path in specs.paths],
        values=[str(path) for path in specs.values],
    )


def model_in(whole: Graph, asked: str) -> str:
    """Return the name of the model that is meant, by itself or by a job. Errors: DpoOpsError."""
    names = whole.find(asked)
    made = {kind.product or kind.collection for kind in every_kind() if kind.trains}
    models = [n for n in names if n.partition("/")[0] in made]
    if len(models) == 1:
        return models[0]
    name = one_of(whole, asked)
    results = {n for n in whole.results().get(name, ()) if n.partition("/")[0] in made}
    makers = {kind.collection for kind in every_kind() if kind.product}
    if name.partition("/")[0] in makers and len(results) == 1:
        return results.pop()
    raise DpoOpsError(
        f"{name} is no model",
        fix="name a model's id, its job, or the address of what trains it",
    )


@dataclass(slots=True)
class _Fetched:
    """What has to be asked while the account is open: the metrics of the jobs."""

    asked: Sequence[str]
    readings: dict[str, Readings] = field(default_factory=dict)

    def fetch(self, client: Client, past: Past) -> None:
        whole = graph(past.releases, client.account, past.records)
        for name in (model_in(whole, one) for one in self.asked):
            for kind in every_kind():
                record = _maker_record(kind, past, name)
                if not record:
                    continue
                try:
                    data = client.metrics(qualify(str(record["name"]), client.account), attempts=1)
                except DpoOpsError:
                    continue  # The card says that there are none; what it says besides holds.
                if data:
                    self.readings[name] = read_metrics(data)


def _maker_record(kind: Kind, past: Past, name: str) -> Mapping[str, Json]:
    """Return the record of the job that made a model; the last, where there are several."""
    rows = (past.records or {}).get(kind.collection, ()) if kind.product else ()
    makers = [row for row in rows if name in mentions(row, past.account or "-")]
    origin = mentions(_made(past, name), past.account or "-")
    told = [row for row in makers if f"{kind.collection}/{last_segment(row['name'])}" in origin]
    return next(reversed(told or makers), {})


def _made(past: Past, name: str) -> Mapping[str, Json]:
    return held(past.records or {}).get(name, {})


def _state(past: Past, resource: Resource) -> str:
    if past.records is None:
        return "the account was not asked"
    standing, message = standing_of(resource, Listing(past.records))
    # The message may begin with the word that stands before it.
    return message if message.startswith(standing) else f"{standing}: {message}".removesuffix(": ")


def _serving(past: Past, name: str) -> Sequence[str]:
    return serving_in(past.account or "-", past.records or {}).get(name, ())


def _settings(
    resource: Resource, kind: Kind, job: Mapping[str, Json], account: str
) -> list[Setting]:
    if resource.recipe:
        decides = resource.recipe.decides
        own = {key: decides[key] for key in ("trainingConfig", "lossConfig")}
        return [Setting(path, value, sent=True) for path, value in sorted(leaves(own))]
    return [Setting(*one) for one in settings(kind, resource.body, job, account)]


def _of_records(past: Past, name: str, readings: Readings | None, specs: Specs) -> Card:
    """Return the card of a model that no commit at hand wants: what the account says of it."""
    made = _made(past, name)
    found: list[Setting] = []
    job: Mapping[str, Json] = {}
    recalled: Mapping[str, Json] = {}
    for kind in every_kind():
        recalled = recalled or (kind.recall(made) if kind.trains else {})
        if record := _maker_record(kind, past, name):
            job = record
            found = [Setting(*one) for one in settings(kind, None, job, past.account or "-")]
    if recalled:
        own = {key: recalled.get(key) or {} for key in ("trainingConfig", "lossConfig")}
        found = [Setting(path, value, None) for path, value in leaves(own)]
    return Card(
        model=last_segment(name),
        address="",
        stack=past.stack,
        account=past.account,
        state=str(made.get("state") or "not in the account").lower(),
        created=str(made.get("createTime") or ""),
        base=str(look_up(made, ["peftDetails", "baseModel"]) or ""),
        weights=str(recalled.get("weights") or ""),
        trainer="one's own compute" if recalled else "the managed service" if job else "",
        data=None,
        digest=str(recalled.get("dataset") or ""),
        statistics=None,
        settings=found,
        readings=readings,
        cost=None,
        serving=_serving(past, name),
        commit=None,
        paths=[str(path) for path in specs.paths],
        values=[str(path) for path in specs.values],
    )


def _local(model: str) -> Readings | None:
    path = local_metrics(model)
    return read_metrics(path.read_bytes()) if path else None


def _cost(resource: Resource, release: Release, stats: Statistics | None) -> Cost | Unpriced | None:
    """Return what training it costs by today's table of prices; None where nothing is charged."""
    desired = release.desired
    needs = [desired[need] for need in resource.needs if desired and need in desired]
    counted = [
        replace(need, content=replace(need.content, tokens=stats.tokens))
        if need.content and stats
        else need
        for need in needs
    ]
    return kind_of(resource).price(resource, counted, prices())


def _statistics(specs: Specs, release: Release, content: Content | None) -> Statistics | None:
    """Return the numbers of the file as it was at the commit; None where it is not at hand."""
    if content is None:
        return None
    with _at_hand(specs, release, content) as path:
        return statistics([path]) if path else None


@contextmanager
def _at_hand(specs: Specs, release: Release, content: Content) -> Iterator[Path | None]:
    """Give a copy of the file as Git has it, or the one in the working tree, if it is that."""
    name = content.path.partition(":")[2]
    with (
        Repository(repository_root(specs.paths[0])) as repository,
        tempfile.NamedTemporaryFile(prefix="dpo-ops-") as file,
    ):
        repository.copy(repository.tree(release.commit.id)[name].blob, file)
        file.flush()
        found = (Path(file.name), repository.root / name)
        yield next((path for path in found if _is(path, content)), None)


def _is(path: Path, content: Content) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == content.digest
    except OSError:
        return False
