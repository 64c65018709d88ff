"""The proof of a deployment: a completion that its own model answers.

READY is not that proof: a deployment may answer 404 or 503 for a while after it says READY,
and one that has scaled to zero starts up only when it is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.errors import DpoOpsError, NotFound, QuotaExceeded, ServerFault, Unreachable
from dpo_ops.executor.events import Answered
from dpo_ops.executor.writes import wanted

if TYPE_CHECKING:
    from dpo_ops.client import Client
    from dpo_ops.planner import Change

_LENGTH = 128
"""Tokens that an answer may have."""


class NotYet(DpoOpsError):
    """It does not answer yet; the text says how it refused."""


def probe(client: Client, change: Change) -> Answered:
    """Ask the deployment its question once and return the answer.

    Raises:
        NotYet: it is not up; ask again later.
        DpoOpsError: it will not answer this.
    """
    resource = wanted(change)
    model = f"accounts/{client.account}/{change.kind.collection}/{change.id}"
    prompt = str(resource.options["prompt"])
    messages = [{"role": "user", "content": prompt}]
    try:
        answer = client.chat(model, messages, max_tokens=_LENGTH, temperature=0)
    except (NotFound, ServerFault, QuotaExceeded, Unreachable) as error:
        raise NotYet(f"does not answer yet: {error.why}") from error
    try:
        said = str(answer["choices"][0]["message"]["content"] or "")
    except (KeyError, IndexError, TypeError) as error:
        raise DpoOpsError("the answer has no choices", where=model) from error
    return Answered(change.address, model, prompt, said)
