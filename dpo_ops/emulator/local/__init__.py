"""Models of this machine behind the emulator: really trained, really served.

Importing it loads neither torch nor transformers; both come with the first answer.
"""

from .engine import LocalEngine

__all__ = ["LocalEngine"]
