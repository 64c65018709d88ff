"""Adapters on one base model: found, checked, loaded when they are asked for, let go of."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections import OrderedDict
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from dpo_ops.emulator.engine import EngineError, Served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG: Final = "adapter_config.json"
WEIGHTS: Final = ("adapter_model.safetensors", "adapter_model.bin")
_KEPT: Final = 4
# The named ways for an adapter to begin that leave the weights below it as they are.
_PLAIN_STARTS: Final = ("gaussian", "eva", "orthogonal")
_PREFIX: Final = "base_model.model."


@dataclass(frozen=True)
class Adapter:
    """An adapter's files as they stand: `stamp` changes with them. `model` is for messages."""

    folder: Path
    stamp: tuple[int, ...]
    model: str


def find(served: Served, weights: str) -> Adapter | None:
    """Return the adapter of what is served, None for a plain base model.

    Raises:
        EngineError: 412, where its files are not there.
    """
    if served.adapter is None:
        return None
    file = next((f for f in WEIGHTS if (served.adapter / f).is_file()), None)
    missing = CONFIG if not (served.adapter / CONFIG).is_file() else WEIGHTS[0]
    if file is None or missing == CONFIG:
        why = (
            f"there is no {missing} with it: the job that made it trained nothing (it ran on the "
            "stand-in engine), or its files were never uploaded"
        )
        raise unfit(served.model, weights, why, "train it again, or upload the adapter's files")
    marks = ((served.adapter / f).stat() for f in (CONFIG, file))
    stamp = tuple(n for mark in marks for n in (mark.st_mtime_ns, mark.st_size))
    return Adapter(served.adapter, stamp, served.model)


def unfit(model: str, weights: str, why: str, fix: str) -> EngineError:
    """Return the platform's 412 for an adapter that fails to load, in words."""
    message = f"model {model} can't be served on the weights {weights}: {why}; {fix}"
    return EngineError(message, status=412, code="FAILED_PRECONDITION")


class Adapters:
    """The adapters that are loaded on one base model. For one thread at a time."""

    def __init__(self, base: Any, weights: str) -> None:
        self._base = base
        self._weights = weights
        self._peft: Any = None
        self._loaded: OrderedDict[Adapter, str] = OrderedDict()
        self._names = (f"adapter-{number}" for number in count())

    @contextlib.contextmanager
    def on(self, adapter: Adapter | None) -> Iterator[Any]:
        """Yield the model with `adapter` on, and no other.

        Raises:
            EngineError: 412, where the adapter can't be loaded on this base.
        """
        if adapter is not None:
            name = self._loaded.get(adapter) or self._load(adapter)
            self._loaded.move_to_end(adapter)
            if self._peft.active_adapter != name:
                self._peft.set_adapter(name, inference_mode=True)
            self._let_go()
            yield self._peft
        elif self._peft is None:
            yield self._base
        else:
            with self._peft.disable_adapter():
                yield self._peft

    def _let_go(self) -> None:
        while len(self._loaded) > _KEPT:
            _, name = self._loaded.popitem(last=False)
            self._peft.delete_adapter(name)

    def _load(self, adapter: Adapter) -> str:
        from peft import PeftConfig, PeftModel  # noqa: PLC0415 - loaded with the first adapter

        # PEFT asks its question by this name still; nobody here can do anything about it.
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        self._check(adapter)
        name = next(self._names)
        peft = self._peft
        try:
            if peft is None:
                config = PeftConfig.from_pretrained(str(adapter.folder))
                config.inference_mode = True
                peft = PeftModel(self._base, config, name)
            peft.load_adapter(str(adapter.folder), name)
        except Exception as error:
            self._undo(peft, name)
            raise self._unfit(adapter, f"loading it failed: {error}") from error
        self._peft = peft.eval()
        self._loaded[adapter] = name
        return name

    def _undo(self, peft: Any, name: str) -> None:
        """Take a half-loaded adapter off again; the base is as it was."""
        if self._peft is None and peft is not None:
            self._base = peft.unload()
        elif self._peft is not None and name in peft.peft_config:
            peft.delete_adapter(name)

    def _check(self, adapter: Adapter) -> None:
        """Find in plain words what would make loading fail; pickles are left to the loader."""
        try:
            config = json.loads((adapter.folder / CONFIG).read_bytes())
            kind = config["peft_type"]
        except (ValueError, KeyError, TypeError) as error:
            raise self._unfit(adapter, f"its {CONFIG} can't be read ({error!r})") from error
        if kind != "LORA":
            raise self._unfit(adapter, f"it is a {kind} adapter, and only LORA is served")
        start = config.get("init_lora_weights")
        if isinstance(start, str) and start not in _PLAIN_STARTS:
            why = f"its init_lora_weights are {start!r}, which changes the weights below it"
            raise self._unfit(adapter, why)
        path = adapter.folder / WEIGHTS[0]
        if path.is_file():
            for key, shape in self._shapes(adapter, path):
                self._check_tensor(adapter, key, shape)

    def _shapes(self, adapter: Adapter, path: Path) -> Iterator[tuple[str, list[int]]]:
        from safetensors import SafetensorError, safe_open  # noqa: PLC0415 - of the extra

        try:
            with safe_open(str(path), "pt") as file:
                yield from [(key, file.get_slice(key).get_shape()) for key in file.keys()]  # noqa: SIM118 - it is no mapping
        except SafetensorError as error:
            raise self._unfit(adapter, f"its {path.name} can't be read ({error})") from error

    def _check_tensor(self, adapter: Adapter, key: str, shape: list[int]) -> None:
        place, _, side = key.removeprefix(_PREFIX).removesuffix(".weight").rpartition(".")
        if side not in {"lora_A", "lora_B"}:
            return
        try:
            layer = self._base.get_submodule(place)
        except AttributeError:
            layer = None
        if not hasattr(layer, "in_features"):
            raise self._other(adapter, f"it changes the layer {place}, which they don't have")
        rows, columns = (
            (layer.out_features, "outputs") if side == "lora_B" else (layer.in_features, "inputs")
        )
        given = shape[0] if side == "lora_B" else shape[1]
        if given != rows:
            sizes = f"it has {given} {columns} at the layer {place}, where they have {rows}"
            raise self._other(adapter, sizes)

    def _other(self, adapter: Adapter, why: str) -> EngineError:
        return self._unfit(adapter, f"the adapter was made on other weights: {why}")

    def _unfit(self, adapter: Adapter, why: str) -> EngineError:
        fix = "train the adapter with this emulator, or let it run the weights it was made on"
        return unfit(adapter.model, self._weights, why, fix)
