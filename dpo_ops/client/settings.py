"""Where the account is and with which key: from the environment, else from firectl's file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from dpo_ops.client.authfile import credentials
from dpo_ops.client.wire import is_loopback
from dpo_ops.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BASE_URL = "https://api.fireworks.ai"

_KEY = re.compile(r"[!-~]+")
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# People set FIREWORKS_BASE_URL for OpenAI clients, which want the API's root with its version.
_SUFFIXES = ("/inference/v1", "/v1")


@dataclass(frozen=True)
class Settings:
    """What reaches one account; `key_from` says where the key was read, for error texts.

    Errors: SettingsError for a key that can't stand in a header, an account that is no id, or
    a base URL that would send the key unencrypted over a network.
    """

    api_key: str = field(repr=False)
    account: str | None = None
    base_url: str = BASE_URL
    key_from: str = ""

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.api_key):
            raise SettingsError(
                "the API key can't be used",
                where=self.key_from,
                why="it is empty or holds spaces, line ends or letters outside ASCII",
                fix="paste it again, in one line and without quotes",
            )
        if self.account is not None and not _ACCOUNT.fullmatch(self.account):
            raise SettingsError(
                f"{self.account!r} is not an account id", fix="write the id alone, like my-team"
            )
        _check_url(self.base_url)

    @property
    def is_rehearsal(self) -> bool:
        """Whether an emulator answers: on this machine, or under a name that can't exist."""
        host = httpx.URL(self.base_url).host
        return is_loopback(host) or host.endswith(".invalid")


def settings(environ: Mapping[str, str], home: Path, *, account: str | None = None) -> Settings:
    """Return the settings of `environ`, else of firectl's `auth.ini` under `home`.

    `account` is what the specs say. An account id from `auth.ini` counts only where the key
    comes from there too: another key may belong to another account.
    Errors: SettingsError when there is no key, or two sources name different accounts.
    """
    env = {name: value.strip() for name, value in environ.items() if name.startswith("FIREWORKS_")}
    key, source = env.get("FIREWORKS_API_KEY", ""), "FIREWORKS_API_KEY"
    filed = None
    if not key:
        found = credentials(home, env.get("FIREWORKS_PROFILE", ""))
        key, source, filed = found.api_key, found.source, found.account
    told, told_by = (filed, source)
    if env.get("FIREWORKS_ACCOUNT_ID"):
        told, told_by = env["FIREWORKS_ACCOUNT_ID"], "FIREWORKS_ACCOUNT_ID"
    return Settings(
        api_key=key,
        account=_agreed(account, told, told_by),
        base_url=_trimmed(env.get("FIREWORKS_BASE_URL") or BASE_URL),
        key_from=source,
    )


def _agreed(spec: str | None, told: str | None, told_by: str) -> str | None:
    wanted, given = (a.removeprefix("accounts/") if a else None for a in (spec, told))
    if wanted and given and wanted != given:
        raise SettingsError(
            f"two accounts are named: {wanted} and {given}",
            why=f"the specs say {wanted}, {told_by} says {given}",
            fix="make them the same, or use the settings of the other account"
            " (FIREWORKS_ACCOUNT_ID, FIREWORKS_PROFILE)",
        )
    return wanted or given


def _trimmed(url: str) -> str:
    url = url.rstrip("/")
    for suffix in _SUFFIXES:
        url = url.removesuffix(suffix)
    return url


def _check_url(text: str) -> None:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    encrypted = url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host))
    # The text itself is not repeated: it may hold a password.
    if not url.host or url.userinfo or url.query or url.fragment:
        raise SettingsError(
            "the base URL can't be used",
            where="FIREWORKS_BASE_URL",
            why="it has no host, or carries a user, a query or a fragment",
            fix=f"write it like {BASE_URL}",
        )
    if not encrypted:
        raise SettingsError(
            "the base URL would send the key unencrypted",
            where="FIREWORKS_BASE_URL",
            why=f"it is {url.scheme}://{url.host}",
            fix="use https; plain http is only for this machine (127.0.0.1, ::1, localhost)",
        )
