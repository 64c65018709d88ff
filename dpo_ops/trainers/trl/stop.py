"""What the thread that watches the parent and the training tell each other."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stop:
    """`asked` is set when the training is to stop, `working` while there is work to save."""

    asked: threading.Event = field(default_factory=threading.Event)
    working: threading.Event = field(default_factory=threading.Event)
