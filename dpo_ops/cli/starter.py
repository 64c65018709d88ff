"""The files that `init` writes."""

from __future__ import annotations

import json

_SPECS = """\
# One file, three resources: the pairs, the job that learns from them, and the deployment that
# serves the result. Fields are the Fireworks REST API's own; `dpo-ops schema spec` lists them.
#
#   dpo-ops validate            are these specs right?
#   dpo-ops plan --emulator     what would be done?
#   dpo-ops apply --emulator    do it, in a rehearsal that costs nothing
apiVersion: dpo-ops/v1
kind: Dataset
metadata:
  name: assistant
spec:
  source: assistant.jsonl       # beside this file; change a pair, and a new model is trained
---
apiVersion: dpo-ops/v1
kind: DPOJob
metadata:
  name: assistant-tune
spec:
  dataset: assistant            # the Dataset above
  trainingConfig:
    baseModel: accounts/fireworks/models/llama-v3p1-8b-instruct
    epochs: 1
    learningRate: 1.0e-5
    loraRank: 8
  lossConfig:
    method: DPO
    dpo: {beta: 0.1}            # how strongly the base model holds back
---
apiVersion: dpo-ops/v1
kind: Deployment
metadata:
  name: assistant
spec:
  model: {dpoJob: assistant-tune}
  probe: {prompt: What is a preference pair?}   # it must answer before it counts as done
  minReplicaCount: 0            # costs nothing while nobody asks
  maxReplicaCount: 1
  autoscalingPolicy: {scaleToZeroWindow: 10m}
"""

_PAIRS = (
    (
        "What is a preference pair?",
        "One question with two answers, of which one is the better.",
        "I am not sure, it could be a lot of things really.",
    ),
    (
        "Name the largest planet of the solar system.",
        "Jupiter.",
        "There are eight planets, and each of them is interesting in its own way.",
    ),
    (
        "How do I undo the last commit, but keep my changes?",
        "Run `git reset --soft HEAD~1`.",
        "Delete the repository and clone it again.",
    ),
)


def _row(question: str, better: str, worse: str) -> str:
    return json.dumps(
        {
            "input": {"messages": [{"role": "user", "content": question}]},
            "preferred_output": [{"role": "assistant", "content": better}],
            "non_preferred_output": [{"role": "assistant", "content": worse}],
        }
    )


FILES = {
    "assistant.yaml": _SPECS,
    "assistant.jsonl": "".join(f"{_row(*pair)}\n" for pair in _PAIRS),
}
"""The text of each file, by its name."""
