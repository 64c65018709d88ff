"""Write the metrics of a job to a file; its ending says as what."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dpo_ops import reporters
from dpo_ops.errors import DpoOpsError, SettingsError
from dpo_ops.pairs.atomic import written
from dpo_ops.reporters.metrics import metrics_csv, metrics_document, metrics_svg

if TYPE_CHECKING:
    from pathlib import Path

    from dpo_ops.cli.screen import Screen
    from dpo_ops.reporters.metrics import Metrics

_ENDINGS = (".svg", ".png", ".csv", ".json", ".jsonl")
_EXTRA = "dpo-ops[png]"
_ZOOM = 2
_SMALL = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">{}</svg>'


def check_out(out: Path, *, force: bool) -> None:
    """Refuse, before anything is asked, a file that could not be written in the end.

    Errors: DpoOpsError for an unknown ending or a file that exists; SettingsError without the
    library that draws a PNG.
    """
    if out.suffix.lower() not in _ENDINGS:
        endings = ", ".join(_ENDINGS)
        raise DpoOpsError(
            f"{out} does not say what to write",
            why="the ending of its name does",
            fix=f"end it in one of {endings}",
        )
    if not out.parent.is_dir():
        raise DpoOpsError(f"{out} can't be written", why=f"there is no folder {out.parent}")
    if out.exists() and not force:
        raise DpoOpsError(
            f"{out} exists; nothing was written",
            why="a file is not overwritten unless it is asked for",
            fix="name another file, or give --force",
        )
    if out.suffix.lower() == ".png":
        _draw(_SMALL.format(""))


def write_out(screen: Screen, out: Path, found: Metrics, data: bytes) -> None:
    """Write `found`, or for `.jsonl` the file as it came, in place of what `out` held.

    Errors: DpoOpsError, SettingsError.
    """
    content = _content(screen, out.suffix.lower(), found, data)
    with written([out], force=True) as (file,):
        file.write(content)


def _content(screen: Screen, ending: str, found: Metrics, data: bytes) -> bytes:
    style = reporters.Style(mask=screen.masks)
    match ending:
        case ".svg":
            text = metrics_svg(found, style)
        case ".png":
            return _png(metrics_svg(found, style))
        case ".csv":
            text = metrics_csv(found)
        case ".json":
            text = reporters.json_text(metrics_document(found))
        case _:
            text = data.decode("utf-8", "replace")
    return screen.masks(text).encode("utf-8", "replace")


def _png(picture: str) -> bytes:
    if _draw(_SMALL.format('<text y="15">8</text>')) == _draw(_SMALL.format("")):
        raise SettingsError(
            "the picture would have no labels",
            why="this machine has no fonts to draw them with",
            fix="install a font, such as DejaVu Sans, or write a .svg, which needs none",
        )
    return _draw(picture)


def _draw(picture: str) -> bytes:
    """Return an SVG as PNG. Errors: SettingsError where the library for it is not installed."""
    try:
        library: Any = import_module("resvg_py")
    except ImportError as error:
        raise SettingsError(
            "a PNG needs a library that is not installed",
            why=f"no module {error.name}",
            fix=f"pip install '{_EXTRA}', or write a .svg, which needs nothing",
        ) from error
    return bytes(library.svg_to_bytes(svg_string=picture, zoom=_ZOOM, background="white"))
