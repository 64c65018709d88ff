"""What can be wrong with a template. Apart from the sandbox, whose library loads slowly."""

from __future__ import annotations


class TemplateFault(Exception):
    """A template can't be rendered: what is wrong, why, and what to do."""

    def __init__(self, what: str, why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.fix = what, why, fix


class UnknownName(TemplateFault):
    """A template names a value that does not exist."""
