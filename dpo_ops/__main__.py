"""The way in: `dpo-ops …` and `python -m dpo_ops …`."""

from __future__ import annotations

import gc
import os
import sys

from dpo_ops import __version__


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        # Answered before anything else is imported: scripts and editors ask this often.
        sys.stdout.write(f"dpo-ops {__version__}\n")
        return
    # Garbage is looked for less often: a run makes much and throws little away. And no plugin of
    # the environment takes part in checking specs, nor is searched for at each start.
    gc.set_threshold(100_000, 50, 50)
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    from dpo_ops.cli.app import app  # noqa: PLC0415  -- see above

    app.main()


if __name__ == "__main__":
    main()
