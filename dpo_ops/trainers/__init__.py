"""DPO on your own compute. It stands alone: the rest of `dpo_ops` is not needed to train.

`contract` says what a trainer is; `trl` trains here, `ray` on a cluster.
"""

from dpo_ops.trainers.contract import (
    Measured,
    Stopped,
    Trained,
    Trainer,
    Training,
    TrainingFailed,
    metrics,
    trained,
)
from dpo_ops.trainers.weights import TINY, locate

__all__ = [
    "TINY",
    "Measured",
    "Stopped",
    "Trained",
    "Trainer",
    "Training",
    "TrainingFailed",
    "locate",
    "metrics",
    "trained",
]
