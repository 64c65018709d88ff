"""The forge that hosts the repository: GitHub or GitLab, its pull requests and its runs.

It stands alone: it knows nothing of specs, plans or accounts, and carries texts that others made.
"""

from dpo_ops.forge.contract import Comment, Forge, ForgeError, Pull, ReadOnly, Release, Run

__all__ = ["Comment", "Forge", "ForgeError", "Pull", "ReadOnly", "Release", "Run"]
