"""Where a scenario plays: a folder, an account, and a clock that moves only when somebody waits.

The tool runs in this process with its own embedded emulator. What could differ from one run to
the next is put in its hands from outside: the time, the dice, and threads that take turns.
"""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import shutil
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

import httpx
import jsonschema
from click.testing import CliRunner

from dpo_ops import __version__
from dpo_ops.cli.app import app
from dpo_ops.client import Client
from dpo_ops.emulator import Emulator, EmulatorTransport, running
from dpo_ops.kinds.values import seconds
from tests.apprentice import Apprentice
from tests.history import Repo, repo
from tests.measuring import Measuring
from tests.rehearsal import VirtualClock
from tests.scenarios.shown import ACCOUNT, steady, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pytest

HERE = Path(__file__).parent
TODAY = "2026-09-21"  # The day on which the clock begins.
DATA = Path(".dpo-ops/emulator")
_FINGERPRINT = re.compile(r"\bsha256:[0-9a-f]{64}\b")
_SCHEMAS = {
    "plan": "plan",
    "apply": "report",
    "reconcile": "report",
    "destroy": "report",
    "status": "status",
    "drift": "drift",
    "metrics": "metrics",
    "outputs": "outputs",
    "history": "history",
    "lineage": "lineage",
    "card": "card",
    "gc": "plan",
    "import": "import",
    "validate": "findings",
}


@dataclass(frozen=True)
class Ran:
    """How one command ended, its text without what differs from one run to the next."""

    code: int
    stdout: str
    stderr: str
    requests: str


class Stage:
    """One folder and one account; `@` lines change them, `$` lines run the tool in them."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.clock = folder, VirtualClock()
        self._patch, self._open = patch, ExitStack()
        self._profile, self._fingerprint = "managed", ""
        self._engine = Measuring()
        self._secrets: list[str] = []
        self._git = Repo(folder)
        self._hide: dict[str, str] = {str(folder): "FOLDER", __version__: "VERSION"}
        self._clean()
        self._hold_still()

    def _clean(self) -> None:
        """Work in an empty folder that is a repository, with nothing set that the tool reads."""
        (self.folder / ".git").mkdir()
        self._patch.chdir(self.folder)
        self._patch.setenv("HOME", str(self.folder / "home"))
        for name in list(os.environ):
            if name.startswith(("FIREWORKS_", "GITHUB_", "DPO_OPS_", "LC_")):
                self._patch.delenv(name)
        self._patch.setenv("DPO_OPS_EMULATOR_ENGINE", "stand-in")
        for name in ("NO_COLOR", "LANG"):
            self._patch.delenv(name, raising=False)

    def _hold_still(self) -> None:
        """Let every run be the same: the clock, the dice, and one thing after another."""
        dice = partial(random.Random, 7)
        client = partial(Client, clock=self.clock)
        outside: dict[str, Any] = {
            "dpo_ops.emulator.Emulator": self._emulator,
            "dpo_ops.cli.account.Client": lambda *a, **k: client(*a, random=dice(), **k),
            "dpo_ops.cli.carrying.SystemClock": lambda: self.clock,
            "dpo_ops.cli.carrying.SystemRandom": dice,
            "dpo_ops.cli.carrying.time": SimpleNamespace(monotonic=self.clock.now),
            "dpo_ops.cli.drifting.today": lambda: TODAY,
            "dpo_ops.cli.following.SystemClock": lambda: self.clock,
            "dpo_ops.cli.following.SystemRandom": dice,
            "dpo_ops.cli.measuring.ThreadPoolExecutor": InTurn,
            "dpo_ops.executor.run.ThreadPoolExecutor": InTurn,
            "dpo_ops.observer.ThreadPoolExecutor": InTurn,
            "dpo_ops.client.client.ThreadPoolExecutor": InTurn,
            "dpo_ops.cli.workshop.Trl": Apprentice,
        }
        for name, instead in outside.items():
            self._patch.setattr(name, instead)

    def _emulator(self, data: Path, **options: Any) -> Emulator:
        options = {"profile": self._profile, **options, "engine": self._engine}
        return Emulator(data, wall=self.clock.now, sleep=self.clock.sleep, **options)

    # What a `$` line does

    def run(self, line: str) -> Ran:
        """Run the tool as a shell would, with the variables that stand before it."""
        words = shlex.split(line.replace("$FINGERPRINT", self._fingerprint))
        said = [word for word in words if re.match(r"[A-Z_]+=", word)]
        name, *args = words[len(said) :]
        assert name == "dpo-ops", f"only dpo-ops can be run, not {name}"
        if DATA.exists():
            self._admin("DELETE", "requests")
        made = CliRunner().invoke(app, args, env=dict(w.split("=", 1) for w in said))
        assert isinstance(made.exception, SystemExit | None), made.exception
        self._look(args, made.stdout, made.stderr)
        requests = self._admin("GET", "requests")["requests"] if DATA.exists() else []
        return Ran(
            made.exit_code,
            steady(made.stdout, self._hide),
            steady(made.stderr, self._hide),
            "\n".join(told(requests)),
        )

    def _look(self, args: list[str], out: str, err: str) -> None:
        """Hold what was printed against what holds of everything that is printed."""
        # Else --update would write a defect down as what is expected.
        assert "so it is a defect" not in err, err
        for secret in self._secrets:
            assert secret not in out + err, "a secret was printed"
        if "json" in args:
            document = json.loads(out)
            name = "error" if "error" in document else _SCHEMAS[args[0]]
            schema = json.loads(CliRunner().invoke(app, ["schema", name]).stdout)
            jsonschema.Draft202012Validator(schema).validate(document)
        if found := _FINGERPRINT.findall(out + err):
            self._fingerprint = found[-1]

    # What an `@` line does

    def do(self, line: str) -> None:
        """Carry out one line such as `delete FILE`."""
        verb, _, rest = line.partition(" ")
        getattr(self, f"do_{verb}")(rest)

    def do_specs(self, name: str) -> None:
        """`specs NAME`: begin with the specs and data of this folder beside the scenarios."""
        shutil.copytree(HERE / "specs" / name, "specs", dirs_exist_ok=True)

    def do_pairs(self, rest: str) -> None:
        """`pairs FILE N`: write so many preference pairs; the first ones are always the same."""
        file, count = rest.split()
        self.write(file, "".join(f"{pair(n)}\n" for n in range(1, int(count) + 1)))

    def do_replace(self, rest: str) -> None:
        """`replace FILE OLD NEW`: edit a file; the old text has to be there, `\\n` ends a line."""
        file, old, new = (part.replace("\\n", "\n") for part in shlex.split(rest))
        text = Path(file).read_text(encoding="utf-8")
        assert old in text, f"{file} does not hold {old!r}"
        self.write(file, text.replace(old, new))

    def do_delete(self, file: str) -> None:
        """`delete FILE`."""
        Path(file).unlink()

    def do_move(self, rest: str) -> None:
        """`move FROM TO`."""
        source, target = rest.split()
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(source).rename(target)

    def do_commit(self, subject: str) -> None:
        """`commit SUBJECT`: commit all there is, an hour after the commit before."""
        if not (Path(".git") / "HEAD").exists():
            self._git = repo(self.folder)
            self.write(".gitignore", "/.dpo-ops\n")
        self._git.commit(subject)

    def do_env(self, rest: str) -> None:
        """`env NAME=VALUE`: set an environment variable from here on."""
        self._patch.setenv(*rest.split("=", 1))

    def do_secret(self, rest: str) -> None:
        """`secret NAME=VALUE`: the same, and the value must appear nowhere from here on."""
        self.do_env(rest)
        self._secrets.append(rest.split("=", 1)[1])

    def do_fault(self, rest: str) -> None:
        """`fault JSON`: let a request go wrong, as in dpo_ops/emulator/faults.py."""
        self._admin("POST", "faults", json.loads(rest))

    def do_mend(self, _: str) -> None:
        """`mend`: no faults any more."""
        self._admin("DELETE", "faults")

    def do_settings(self, rest: str) -> None:
        """`settings JSON`: how the platform behaves, as in dpo_ops/emulator/admin.py."""
        self._admin("POST", "settings", json.loads(rest))

    def do_clock(self, rest: str) -> None:
        """`clock 2h`: let time pass."""
        self._admin("POST", "clock", {"advance": seconds(rest)})

    def do_profile(self, rest: str) -> None:
        """`profile retired`: what the service can do from here on."""
        self._profile = rest

    def do_api(self, rest: str) -> None:
        """`api METHOD PATH JSON`: somebody else works in the same account."""
        method, path, *body = rest.split(" ", 2)
        self._send(method, ACCOUNT + path, json.loads(body[0]) if body else None)

    def do_metrics(self, file: str) -> None:
        """`metrics FILE`: what the platform has measured of every job that trains."""
        self._engine.data = Path(file).read_bytes()

    def do_serve(self, key: str) -> None:
        """`serve KEY`: the account answers on a port of this machine, to this key only."""
        emulator = self._open.enter_context(self._emulator(DATA, api_key=key))
        url = self._open.enter_context(running(emulator))
        self._hide[url.rpartition(":")[2]] = "PORT"
        self._patch.setenv("FIREWORKS_BASE_URL", url)

    def write(self, file: str, text: str) -> None:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(text, encoding="utf-8")

    # The account

    def _admin(self, method: str, route: str, body: Any = None) -> Any:
        return self._send(method, f"/_emulator/{route}", body)

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        with (
            self._emulator(DATA) as emulator,
            httpx.Client(
                transport=EmulatorTransport(emulator),
                base_url="http://emulator",
                headers={"Authorization": "Bearer somebody-else"},
            ) as http,
        ):
            answer = http.request(method, path, json=body)
            assert answer.is_success, answer.text
            return answer.json()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        for secret in self._secrets:
            for file in self.folder.rglob("*"):
                # The account itself has to know the secret.
                if file.is_file() and DATA not in file.relative_to(self.folder).parents:
                    assert secret.encode() not in file.read_bytes(), f"a secret is in {file}"


class InTurn:
    """A thread pool of one that does its work at once, so that the order is always the same."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, work: Callable[..., Any], *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work(*args))
        except Exception as error:  # noqa: BLE001  -- it belongs to whoever asks for the result
            future.set_exception(error)
        return future

    def map(self, work: Callable[..., Any], items: Iterable[Any]) -> Iterator[Any]:
        return iter([work(item) for item in items])


def pair(number: int) -> str:
    """Return one row that a job accepts."""
    row = {
        "input": {"messages": [{"role": "user", "content": f"What is {number} + {number}?"}]},
        "preferred_output": [{"role": "assistant", "content": f"{2 * number}."}],
        "non_preferred_output": [{"role": "assistant", "content": "Numbers are hard."}],
    }
    return json.dumps(row)
