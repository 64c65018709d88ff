"""What can go wrong, as one tree; every failure says what, where, why and what to do next.

    DpoOpsError                 exit code 1
    ├── SpecError               the specs can't be used; carries every finding, not just the first
    ├── SettingsError           no key, no account, or a settings file that can't be read
    ├── PlanError               a plan can't be made, or is not the one that was approved
    ├── AdoptionError           a wanted id is taken by something else
    ├── TrainingError           a model could not be trained on one's own compute
    ├── StorageError            a signed URL refused the bytes, or the file changed meanwhile
    ├── Interrupted             a signal came; what was accepted goes on without us
    └── ApiError                one exchange with the API that ended badly
        ├── Unreachable         no answer at all: DNS, TLS, refused, reset, timed out
        ├── Unauthorized        401 or 403: the key is missing, wrong or not allowed
        ├── NotFound            404
        ├── AlreadyExists       409
        ├── QuotaExceeded       429
        ├── Retired             501: the service no longer does this
        ├── ServerFault         any other 5xx
        └── Rejected            any other 4xx

A finding is not an exception: stages collect findings to their end and then raise one
`SpecError`. A failure of the environment (no network, no key) stops a stage at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A point in a file; `line` and `column` count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Severity(StrEnum):
    """How bad a finding is: an error stops what it is about, a warning is only shown."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong in a spec, in data or with a plan.

    `where` is a `Place`, or the text of an address when no file is to blame.
    """

    where: Place | str
    what: str
    why: str = ""
    fix: str = ""
    rule: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        return f"{self.where}: " + " · ".join(p for p in (self.what, self.why, self.fix) if p)


class DpoOpsError(Exception):
    """The root of the tree: `what` failed, `where`, `why`, and the `fix` to try."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.why, self.fix = what, where, why, fix

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return " · ".join(p for p in (head, self.why, self.fix) if p)


class SpecError(DpoOpsError):
    """The specs can't be used. `findings` holds all that was found, in file order."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        errors = [f for f in findings if f.severity is Severity.ERROR]
        count = f"{len(errors)} error" + ("" if len(errors) == 1 else "s")
        super().__init__(f"{count} in the specs")
        self.findings = tuple(findings)

    def __str__(self) -> str:
        return "\n".join([*map(str, self.findings), self.what])


class SettingsError(DpoOpsError):
    """The tool was not told enough to reach the account."""


class PlanError(DpoOpsError):
    """No plan can be made, or the plan is not the one that was approved."""


class AdoptionError(DpoOpsError):
    """An id that content decides is taken by a resource with other content."""


class TrainingError(DpoOpsError):
    """A training on one's own compute ended without an adapter, or can't begin."""


class StorageError(DpoOpsError):
    """The bytes of a file did not reach the storage behind a signed URL."""


class Interrupted(DpoOpsError):
    """A signal asked us to stop; nothing that the API accepted is lost."""


class ApiError(DpoOpsError):
    """An exchange with the API that ended badly.

    `status` is the HTTP status, 0 when there was no answer. `request` is `METHOD path`,
    never with a body, a header or a query value. `request_id` is the server's, if it gave one.
    """

    def __init__(
        self,
        what: str,
        *,
        status: int = 0,
        request: str = "",
        request_id: str = "",
        why: str = "",
        fix: str = "",
    ) -> None:
        super().__init__(what, where=request, why=why, fix=fix)
        self.status, self.request, self.request_id = status, request, request_id

    def __str__(self) -> str:
        tail = f" (request {self.request_id})" if self.request_id else ""
        return super().__str__() + tail


class Unreachable(ApiError):
    """No answer came. Whether the request took effect is not known."""


class Unauthorized(ApiError):
    """The key is missing, wrong, or may not do this."""


class NotFound(ApiError):
    """There is no such resource, or the key may not see it."""


class AlreadyExists(ApiError):
    """The id is taken."""


class QuotaExceeded(ApiError):
    """Too many requests, or no quota left for what was asked."""


class Retired(ApiError):
    """The service no longer implements this call."""


class ServerFault(ApiError):
    """The service failed. Whether the request took effect is not known."""


class Rejected(ApiError):
    """The service understood the request and refuses it."""
