"""The account that a command talks to: Fireworks, or the emulator inside this process."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dpo_ops.cli.places import keep_out_of_git
from dpo_ops.client import Client, Settings, settings
from dpo_ops.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dpo_ops.cli.options import EngineChoice, Target
    from dpo_ops.cli.screen import Screen
    from dpo_ops.emulator import Emulator, Engine

_KEY = "embedded-emulator"  # No secret: nothing outside this process ever sees it.
_URL = "https://emulator.invalid"  # A name that can't exist, so that a mistake reaches nobody.
_NAME = "emulator"


@contextmanager
def account(
    screen: Screen,
    target: Target,
    wanted: str | None,
    *,
    read_only: bool,
    kept: Kept | None = None,
) -> Iterator[Client]:
    """Open the account that `target` and the specs (`wanted`) mean.

    That an emulator plays it is said each time, but not of one that is `kept`.

    Errors: SettingsError where there is no key, or where two different accounts are named.
    """
    named = _agreed(target.account, wanted)
    if target.emulator:
        name = named or _NAME
        with ExitStack() as open_:
            if kept is None:
                engine = made(target.engine)
                _announce(screen, target, engine)
                emulator = open_.enter_context(_embedded(target, name, engine))
            else:
                emulator = kept.embedded(target, name)
            yield open_.enter_context(_connected(emulator, name, read_only=read_only))
        return
    reached = _settings(target, named)
    screen.masks.add(reached.api_key, "the API key")
    with Client(reached, read_only=read_only) as client:
        yield client


def base_url(target: Target) -> str:
    """Return where others can ask the models, or nothing where nobody else can."""
    return "" if target.emulator else _settings(target, None).base_url


def _settings(target: Target, named: str | None) -> Settings:
    return settings(_environment(target.account), Path.home(), account=named)


def _embedded(target: Target, name: str, engine: Engine) -> Emulator:
    from dpo_ops.emulator import Emulator  # noqa: PLC0415  -- rarely needed

    _make_place(target.data)
    return Emulator(
        target.data,
        time_scale=target.speed,
        api_key=_KEY,
        account=name,
        engine=engine,
    )


def _connected(emulator: Emulator, name: str, *, read_only: bool) -> Client:
    from dpo_ops.emulator import EmulatorTransport  # noqa: PLC0415  -- rarely needed

    reached = Settings(_KEY, name, _URL)
    return Client(reached, transport=EmulatorTransport(emulator), read_only=read_only)


class Kept:
    """Embedded emulators that stay open from one pass to the next, so that their time goes on."""

    def __init__(self, open_: ExitStack) -> None:
        self._open = open_
        self._by_name: dict[str, Emulator] = {}

    def embedded(self, target: Target, name: str) -> Emulator:
        """Return the emulator that plays the account `name`."""
        if name not in self._by_name:
            self._by_name[name] = self._open.enter_context(
                _embedded(target, name, made(target.engine))
            )
        return self._by_name[name]


def check(screen: Screen, target: Target) -> None:
    """Say who will answer, without asking. Errors: SettingsError where there is no key."""
    if target.emulator:
        _announce(screen, target, made(target.engine))
    else:
        screen.masks.add(_settings(target, target.account).api_key, "the API key")


def _announce(screen: Screen, target: Target, chosen: Engine) -> None:
    screen.say(
        "emulator: a stand-in inside this process answers, not Fireworks, and what its\n"
        f"emulator: models say is {_truth(target, chosen.label)}; its data lies in {target.data}\n"
    )


def made(choice: EngineChoice) -> Engine:
    """Return what stands behind an emulator's models. Errors: SettingsError if not installed."""
    from dpo_ops import emulator  # noqa: PLC0415  -- rarely needed

    try:
        return emulator.engine(choice.name, choice.weights)
    except emulator.EngineError as error:
        raise SettingsError(
            "the emulator can't train and answer for real",
            why=str(error),
            fix="or leave --emulator-engine out",
        ) from error


def _truth(target: Target, label: str) -> str:
    if label == "stand-in":
        return "made up"
    return f"said by {target.engine.weights}, trained and run for real"


def _make_place(data: Path) -> None:
    """Make the folder, and let git ignore it where it is one of ours."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        keep_out_of_git(data.parent)
    except OSError as error:
        fix = "name another folder with --emulator-data"
        what = "the emulator has no place for its data"
        raise SettingsError(
            what, where=str(data), why=error.strerror or str(error), fix=fix
        ) from error


def _agreed(option: str | None, specs: str | None) -> str | None:
    if option and specs and option != specs:
        raise SettingsError(
            f"two accounts are named: {option} and {specs}",
            why=f"--account says {option}, the specs say {specs}",
            fix="leave --account out, or plan the specs of that account",
        )
    return option or specs


def _environment(option: str | None) -> Mapping[str, str]:
    """Return the environment, in which `--account` speaks louder than FIREWORKS_ACCOUNT_ID."""
    return {**os.environ, "FIREWORKS_ACCOUNT_ID": option} if option else os.environ
