"""Which engine an emulator runs."""

import subprocess
import sys

import pytest

from dpo_ops.emulator import EngineError, LocalEngine, StandIn, engine
from dpo_ops.trainers.trl import Trl


def test_an_engine_is_chosen_by_name(monkeypatch: pytest.MonkeyPatch):
    assert isinstance(engine("stand-in"), StandIn)
    monkeypatch.setattr(Trl, "missing", lambda _: "")
    assert isinstance(engine(), LocalEngine)
    assert engine("trl", "some/weights").label == "trl: some/weights"
    assert engine().label == "trl: dpo-ops/tiny"


def test_an_engine_that_is_not_installed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Trl, "missing", lambda _: "pip install it")
    assert isinstance(engine(), StandIn)
    with pytest.raises(EngineError, match="install it with pip install it"):
        engine("trl")


def test_a_label_fits_into_a_header():
    assert LocalEngine("weights/日本\n").label == "trl: weights/???"


def test_choosing_an_engine_loads_no_model_library():
    heavy = ("torch", "transformers", "peft", "trl")
    code = f"import sys, dpo_ops.emulator as e; e.LocalEngine(); sys.exit(any(m in sys.modules for m in {heavy}))"  # noqa: E501
    subprocess.run([sys.executable, "-c", code], check=True)
