"""Take the one file out of an archive that may have been made to do harm."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Final, NoReturn

from dpo_ops.forge.contract import ForgeError

SLACK: Final = 64 * 1024
"""Bytes that an archive may have more than the file in it, which may not compress."""

_ENTRY: Final = b"PK\x01\x02"
_ENTRIES: Final = 100
"""How often that may stand in an archive of one file: once in its list, else by chance."""
_READABLE: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    OverflowError,
)


def only_file(archive: bytes, limit: int, where: str) -> bytes:
    """Return what the only file of a zip holds; its name and its other facts are not used.

    Errors: ForgeError where it is no zip, holds not exactly one file, or more than `limit` bytes.
    """
    # A list of millions of names would be read whole before it could be counted.
    if archive.count(_ENTRY) > _ENTRIES:
        refuse(where, "it holds not exactly one file")
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            entries = opened.infolist()
            if len(entries) != 1 or entries[0].is_dir():
                refuse(where, "it holds not exactly one file")
            entry = entries[0]
            if entry.compress_type not in _READABLE:
                refuse(where, "it is compressed in an unusual way")
            with opened.open(entry) as file:
                # What it says about its size may be a lie; what comes out of it is not.
                content = file.read(limit + 1)
    except _BROKEN:
        refuse(where, "it is damaged, encrypted, or no zip")
    if len(content) > limit:
        refuse(where, f"the file in it is larger than {limit:,} bytes")
    return content


def refuse(where: str, why: str) -> NoReturn:
    """Raise the error of an archive that is not used."""
    raise ForgeError(
        "the artifact is not used",
        where=where,
        why=why,
        fix="let the plan's run upload the one file that `dpo-ops ci plan` wrote, and only that",
    )
