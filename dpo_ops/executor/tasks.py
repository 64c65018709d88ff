"""One change on its way through its steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dpo_ops.executor.events import Outcome
from dpo_ops.planner import Verb
from dpo_ops.planner.change import WAITING

if TYPE_CHECKING:
    from concurrent.futures import Future

    from dpo_ops.executor.writes import Done
    from dpo_ops.kinds import Kind
    from dpo_ops.planner import Change, Step


@dataclass(slots=True)
class Task:
    """Which step a change is at, and since when it waits.

    `id` is the remote id, which is not the planned one where that turned out to be taken.
    `unsettled` is since when it is not seen as it should be. `future` is the step under way; one
    that writes is not begun again before `not_before`. `begun` says that the step was. `looked`
    says that it was looked at since. `state` is what it was last seen in, since `state_since`;
    `seen` is the same in words.
    """

    change: Change
    id: str
    index: int = 0
    since: float | None = None
    unsettled: float | None = None
    not_before: float | None = None
    future: Future[Done] | None = None
    begun: bool = False
    looked: bool = False
    state: str = ""
    state_since: float = 0.0
    seen: str = ""

    @property
    def step(self) -> Step:
        """The step that it is at."""
        return self.change.steps[self.index]

    @property
    def kind(self) -> Kind:
        """The facts that hold for its resource."""
        return self.change.kind

    @property
    def under_way(self) -> bool:
        """Whether its step is being carried out or waited for."""
        return self.future is not None or self.since is not None

    @property
    def standing(self) -> str:
        """What becomes of it without us, in a word or two: what it was last seen doing."""
        return self.seen or ("stopped" if self.step.verb is Verb.TRAIN else "")

    def left(self) -> tuple[Outcome, str]:
        """Return what becomes of it when the run ends here."""
        if self.step.verb in WAITING:
            # What is only to be waited for goes on, whether or not it was looked at.
            return Outcome.RUNNING, f"goes on without us{self.seen and f' ({self.seen})'}"
        if self.step.verb is Verb.TRAIN and self.begun:
            return Outcome.RUNNING, "is trained on by the next run, from where it is"
        return Outcome.NOT_STARTED, "its turn did not come"
