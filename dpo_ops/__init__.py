"""Preference tuning (DPO) released like software: specs in Git, a plan, a reconciler."""

__version__ = "0.1.0"
