"""DPO and ORPO with TRL, on this machine. Nothing of torch is loaded in the calling process."""

from dpo_ops.trainers.trl.trainer import Trl

__all__ = ["Trl"]
