"""Taking in request bodies: JSON into memory, files to disk, chunk by chunk.

This happens before a request's transaction begins, so a slow upload holds nobody up.
"""

import contextlib
import json
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import python_multipart
from python_multipart.exceptions import MultipartParseError

from .wire import RefusalError, Request, refuse
from .world import Upload

_JSON_LIMIT: Final = 32 << 20


def read_json(request: Request) -> Any:
    """Return the body decoded, None for no body; refuse with 400 what is no JSON."""
    parts, size = [], 0
    for chunk in request.chunks():
        size += len(chunk)
        if size > _JSON_LIMIT:
            raise refuse("INVALID_ARGUMENT", "request body is too large", status=413)
        parts.append(chunk)
    body = b"".join(parts)
    if not body:
        return None
    try:
        return _decoded(body)
    except (ValueError, RecursionError) as error:
        raise refuse("INVALID_ARGUMENT", f"proto: syntax error: {error}") from None


def _decoded(body: bytes) -> Any:
    value = json.loads(body, parse_constant=_no_number)
    if b"\\ud" in body.lower():
        # Half a surrogate pair is JSON to Python, but no text that could be stored.
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


@contextlib.contextmanager
def spooled_file(request: Request, folder: Path) -> Iterator[Upload]:
    """Hold the whole body as a file of `folder`; it goes unless it was moved away."""
    with _spool(folder) as (path, file):
        size = 0
        for chunk in request.chunks():
            size += file.write(chunk)
        file.close()
        yield Upload(path, size)


@contextlib.contextmanager
def spooled_part(request: Request, folder: Path, limit: int) -> Iterator[Upload | None]:
    """Hold the `file` part of a multipart body as a file of `folder`; None if there is none.

    Raises:
        RefusalError: 413 above `limit` bytes, 400 for a body that is not multipart.
    """
    with _spool(folder) as (path, file):
        part = _Part(file, limit)
        part.feed(request)
        file.close()
        yield Upload(path, part.size, part.filename) if part.found else None


class _Part:
    """Writes the `file` part of a multipart body to a file as its pieces come by."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self.found = False
        self.filename = ""
        self.size = 0
        self._file = file
        self._limit = limit
        self._name = b""
        self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._inside = False

    def feed(self, request: Request) -> None:
        """Take in the whole body."""
        kind = request.headers.get("content-type", "")
        _, options = python_multipart.multipart.parse_options_header(kind)
        boundary = options.get(b"boundary")
        if not kind.startswith("multipart/form-data") or not boundary:
            raise refuse("INVALID_ARGUMENT", "want multipart/form-data with a boundary")
        parser = python_multipart.MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._field,
                "on_header_value": self._data_of_header,
                "on_header_end": self._end_header,
                "on_headers_finished": self._start_data,
                "on_part_data": self._data,
            },
        )
        self._drain(parser, request.chunks())

    def _drain(self, parser: python_multipart.MultipartParser, chunks: Iterable[bytes]) -> None:
        try:
            for chunk in chunks:
                parser.write(chunk)
            parser.finalize()
        except MultipartParseError as error:
            raise refuse("INVALID_ARGUMENT", f"invalid multipart body: {error}") from error

    def _begin(self) -> None:
        self._headers = {}
        self._inside = False

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _data_of_header(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _start_data(self) -> None:
        disposition = self._headers.get(b"content-disposition")
        _, options = python_multipart.multipart.parse_options_header(disposition)
        self._inside = options.get(b"name") == b"file"
        if self._inside:
            self.found = True
            self.filename = options.get(b"filename", b"").decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if not self._inside:
            return
        self.size += self._file.write(data[start:end])
        if self.size > self._limit:
            raise _too_large(self._limit)


@contextlib.contextmanager
def _spool(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    path = folder / f"incoming-{uuid.uuid4().hex}"
    try:
        with path.open("wb") as file:
            yield path, file
    finally:
        path.unlink(missing_ok=True)


def _too_large(limit: int) -> RefusalError:
    problem = f"file is larger than {limit} bytes; use getUploadEndpoint"
    return refuse("INVALID_ARGUMENT", problem, status=413)
