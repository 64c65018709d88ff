"""The file that firectl keeps a sign-in in: `~/.fireworks/auth.ini`, one per profile."""

from __future__ import annotations

import re
from configparser import ConfigParser
from configparser import Error as IniError
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dpo_ops.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SECTIONS = ("default", "fireworks")
_PROFILE = re.compile(r"\w[\w.@-]*")
_HOW = (
    "set FIREWORKS_API_KEY (in CI from a secret, which a fork's pull request does not get),"
    " or run `firectl set-api-key`; offline, use --emulator"
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key, the account that goes with it if the file says so, and where they were found."""

    api_key: str = field(repr=False)
    account: str | None
    source: str


def credentials(home: Path, profile: str = "") -> Credentials:
    """Return what firectl stored under `home` for `profile` (empty: the default one).

    A profile is a folder `profiles/<profile>` beside the default file, or a section in it.
    Errors: SettingsError, saying where it looked, when there is no key or no readable file.
    """
    file = _file(home, profile)
    shown = _shown(file, home)
    sections = _sections(file, shown)
    names = _SECTIONS if not profile or file.parent.name == profile else (profile.lower(),)
    for name in names:
        key = sections.get(name, {}).get("api_key")
        if key:
            return Credentials(key, sections[name].get("account_id") or None, f"{shown} [{name}]")
    raise _no_key(shown, names, sections)


def _file(home: Path, profile: str) -> Path:
    if profile and not _PROFILE.fullmatch(profile):
        raise SettingsError(
            "FIREWORKS_PROFILE is not a profile's name", fix="write the name that firectl -p takes"
        )
    folder = home / ".fireworks"
    own = folder / "profiles" / profile / "auth.ini"
    return own if profile and own.exists() else folder / "auth.ini"


def _shown(file: Path, home: Path) -> str:
    return "~/" + file.relative_to(home).as_posix()


def _sections(file: Path, shown: str) -> dict[str, dict[str, str]]:
    """Lines before the first header count as [default], as firectl writes none."""
    parser = ConfigParser(
        strict=False, interpolation=None, allow_no_value=True, default_section="\0"
    )
    text = _text(file, shown)
    try:
        parser.read_string("[default]\n" + text)
    except IniError:
        broken = True  # Raised below: the parser's own error quotes the line, key and all.
    else:
        broken = False
    if broken:
        raise SettingsError(
            "the file is not an INI file",
            where=shown,
            fix="run `firectl set-api-key` again, or set FIREWORKS_API_KEY",
        )
    return {name.lower(): _values(parser, name) for name in parser.sections()}


def _values(parser: ConfigParser, section: str) -> dict[str, str]:
    return {key: (value or "").strip("\"' ") for key, value in parser.items(section)}


def _text(file: Path, shown: str) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        why = type(error).__name__
    raise SettingsError(
        "the file can't be read", where=shown, why=why, fix="mend it, or set FIREWORKS_API_KEY"
    )


def _no_key(
    shown: str, names: tuple[str, ...], sections: Mapping[str, Mapping[str, str]]
) -> SettingsError:
    others = sorted(n for n, s in sections.items() if s.get("api_key"))
    looked = f"FIREWORKS_API_KEY is not set, and {shown} holds no api_key"
    hint = f"; it has one under {', '.join(others)}: set FIREWORKS_PROFILE" if others else ""
    signed_in = any(sections.get(name, {}).get("id_token") for name in names)
    return SettingsError(
        "no API key",
        why=looked + hint + ("; a browser sign-in alone is not enough" if signed_in else ""),
        fix=_HOW,
    )
