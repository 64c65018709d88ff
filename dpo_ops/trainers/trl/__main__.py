"""The process that trains: `python -m dpo_ops.trainers.trl ORDER`. It is started by `Trl`.

It ends when its standard input does: a parent that was killed leaves no training behind.
"""

from __future__ import annotations

import argparse
import json
import os
import stat
import sys
import threading
import time
import traceback
from pathlib import Path

from dpo_ops.trainers.contract import Training
from dpo_ops.trainers.trl.failure import told
from dpo_ops.trainers.trl.folder import FAILURE, write_json
from dpo_ops.trainers.trl.launch import GRACE_S, STOPPED
from dpo_ops.trainers.trl.stop import Stop


def main() -> int:
    """Train what the order says; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m dpo_ops.trainers.trl")
    parser.add_argument("order", type=Path)
    parser.add_argument("--checkpoint-s", type=float, required=True)
    parser.add_argument("--pairs-at-once", type=int)
    said = parser.parse_args()
    stop = Stop()
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        threading.Thread(target=_watch, args=(stop,), daemon=True).start()
    training = Training.from_json(json.loads(said.order.read_bytes()))
    try:
        # What takes seconds to import comes after the watch has begun.
        from dpo_ops.trainers.trl.child import run  # noqa: PLC0415

        done = run(training, stop, said.checkpoint_s, said.pairs_at_once)
    except Exception as error:  # noqa: BLE001  -- whatever it is, the parent is told of it
        traceback.print_exc()
        write_json(training.out / FAILURE, told(error))
        return 1
    return 0 if done else STOPPED


def _watch(stop: Stop) -> None:
    while os.read(0, 1):
        pass
    stop.asked.set()
    if stop.working.is_set():
        time.sleep(GRACE_S)
    os._exit(STOPPED)


if __name__ == "__main__":
    sys.exit(main())
