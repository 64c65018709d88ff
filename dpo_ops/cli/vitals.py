"""Whether a loop lives and was ever ready, and its figures for Prometheus."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dpo_ops import __version__
from dpo_ops.errors import SettingsError
from dpo_ops.executor.events import Outcome
from dpo_ops.planner import Action
from dpo_ops.reporters import elapsed
from dpo_ops.reporters.rounds import WENT_WELL, Round, Verdict
from dpo_ops.resource import Health

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import CollectorRegistry, Metric

    from dpo_ops.executor import Report

_MISSED = 3
_LEAST_S = 300.0
_BUCKETS = (0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)


class Pulse:
    """Signs of life: rounds that end, and what happens within a long one."""

    def __init__(self, every_s: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        # A round that meets an outage takes minutes, however short the pauses are.
        self._limit_s = max(_MISSED * every_s, _LEAST_S)
        self._last = clock()
        self._ready = False

    def beat(self) -> None:
        """Note that something happened."""
        self._last = self._clock()

    def took(self, round_: Round) -> None:
        """Note that a round ended."""
        self.beat()
        self._ready = self._ready or round_.verdict in WENT_WELL

    def stopped(self) -> str:
        """Return why the loop seems to be stuck; empty while it lives."""
        silent_s = self._clock() - self._last
        if silent_s < self._limit_s:
            return ""
        return f"nothing has happened for {elapsed(silent_s)}; the limit is {self._limit_s:.0f}s"

    def not_ready(self) -> str:
        """Return why nobody should count on it yet; empty once a round went well."""
        return "" if self._ready else "no round has gone well yet"


class Gauges:
    """The loop's figures, in a registry of their own. Errors: SettingsError if not installed."""

    def __init__(self) -> None:
        try:
            import prometheus_client as prometheus  # noqa: PLC0415  -- an extra
        except ImportError as error:
            raise SettingsError(
                "--listen needs prometheus_client, which is not installed",
                why=str(error),
                fix="pip install 'dpo-ops[server]', or leave --listen out",
            ) from error
        self._registry = prometheus.CollectorRegistry()
        self._page = prometheus.generate_latest
        self.content_type: str = prometheus.CONTENT_TYPE_LATEST
        self._rounds = prometheus.Counter(
            "dpo_ops_rounds", "Rounds by how they ended.", ["outcome"], registry=self._registry
        )
        for verdict in Verdict:
            self._rounds.labels(str(verdict))  # So that a rate is there before the first one.
        self._seconds = prometheus.Histogram(
            "dpo_ops_round_seconds",
            "How long rounds took.",
            registry=self._registry,
            buckets=_BUCKETS,
        )
        self._last = _LastRound(self._registry)

    def took(self, round_: Round) -> None:
        """Count a round."""
        self._rounds.labels(str(round_.verdict)).inc()
        self._seconds.observe(round_.took_s)
        self._last.take(round_)

    def page(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        return self._page(self._registry)


class _LastRound:
    """What the last round saw, collected as one so that no page shows half of it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._at = self._succeeded = 0.0
        self._resources: Counter[tuple[str, str]] = Counter()
        self._changes: Counter[str] = Counter()
        self._blocked = 0
        registry.register(self)

    def take(self, round_: Round) -> None:
        self._at = round_.at.timestamp()
        if round_.verdict in WENT_WELL:
            self._succeeded = self._at
        if round_.report:
            self._resources = _resources(round_.report)
            self._changes = Counter(round_.report.plan.summary)
            self._blocked = len(round_.report.plan.blocked)

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges, as a registry asks for them."""
        from prometheus_client.core import GaugeMetricFamily as Gauge  # noqa: PLC0415  -- an extra

        yield Gauge("dpo_ops_last_round_timestamp_seconds", "When it ended; 0: none.", self._at)
        yield Gauge(
            "dpo_ops_last_success_timestamp_seconds",
            "When one last ended without a failure or an error; 0: none.",
            self._succeeded,
        )
        resources = Gauge(
            "dpo_ops_resources", "What the specs describe.", labels=["kind", "health"]
        )
        for (kind, health), number in sorted(self._resources.items()):
            resources.add_metric([kind, health], number)
        yield resources
        changes = Gauge("dpo_ops_changes", "The last plan, by action.", labels=["action"])
        for action in Action:
            changes.add_metric([str(action)], self._changes[str(action)])
        yield changes
        yield Gauge("dpo_ops_blocked", "What the last plan could not do.", self._blocked)
        info = Gauge("dpo_ops_info", "The tool.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info


def _resources(report: Report) -> Counter[tuple[str, str]]:
    """Count by kind and health, zeros included for each kind that there is."""
    found: Counter[tuple[str, str]] = Counter()
    ended = {end.address: end.outcome for end in report.ended}
    for change in report.plan.changes:
        kind = change.address.kind
        found.update({(kind, str(health)): 0 for health in Health})
        done = ended.get(change.address) is Outcome.DONE and change.action is not Action.DELETE
        found[kind, str(Health.CURRENT if done else change.health)] += 1
    return found
