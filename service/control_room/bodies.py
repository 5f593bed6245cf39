"""Bodies of requests: read up to a limit, unpacked up to the same limit, cut into rows."""

import zlib
from http import HTTPStatus

from fastapi import Request

from service.control_room.problems import Problem

ONE, MANY = "application/json", frozenset({"application/x-ndjson", "application/jsonl"})
"""Media types: one object, or one a line."""

PACKED = {"": False, "identity": False, "gzip": True}

_GZIP = 16 + zlib.MAX_WBITS


async def read_rows_of(
    request: Request, body_max: int, row_max: int
) -> tuple[bool, list[tuple[int, bytes]]]:
    """Is it many, and the rows numbered by line. Raises ``Problem``."""
    many = _is_many(request)
    body = await _read(request, body_max)
    if many:
        rows = [(n, row) for n, row in enumerate(body.split(b"\n"), 1) if row.strip()]
    else:
        rows = [(1, body)] if body.strip() else []
    if not rows:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        raise Problem(status, "empty", "the body is empty; send one JSON object, or one a line")
    for n, row in rows:
        if len(row) > row_max:
            raise _too_large(f"line {n} is longer than {row_max:,} bytes; nothing was applied", n)
    return many, rows


def _is_many(request: Request) -> bool:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given == ONE or given in MANY:
        return given != ONE
    raise Problem(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "media_type",
        f"send Content-Type: {ONE} (one object) or application/x-ndjson (one a line)",
    )


async def _read(request: Request, most: int) -> bytes:
    packed = PACKED.get(request.headers.get("content-encoding", "").strip().lower())
    if packed is None:
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        raise Problem(status, "encoding", "send Content-Encoding: gzip, or none")
    unpack = _Unpacking(most) if packed else None
    held = bytearray()
    async for chunk in request.stream():
        held += unpack.take(chunk) if unpack else chunk
        if len(held) > most:
            raise _too_large(f"the body is longer than {most:,} bytes; send it in parts")
    if unpack and not unpack.ended:
        raise _not_gzip("it ends early")
    return bytes(held)


class _Unpacking:
    """Gzip, member after member, never more than asked for."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._unpacked = 0
        self._member = zlib.decompressobj(_GZIP)
        self.ended = False

    def take(self, chunk: bytes) -> bytes:
        """What this part of it holds. Raises ``Problem``."""
        out = bytearray()
        while chunk:
            if self.ended:  # another member follows
                self._member, self.ended = zlib.decompressobj(_GZIP), False
            try:
                # One byte more than allowed tells that there are too many.
                out += self._member.decompress(chunk, self._most + 1 - self._unpacked - len(out))
            except zlib.error:
                raise _not_gzip("it cannot be unpacked") from None
            if self._unpacked + len(out) > self._most:
                break
            self.ended = self._member.eof
            chunk = self._member.unused_data if self.ended else self._member.unconsumed_tail
        self._unpacked += len(out)
        return bytes(out)


def _not_gzip(why: str) -> Problem:
    said = f"Content-Encoding says gzip, but {why}; nothing was applied"
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "not_gzip", said)


def _too_large(detail: str, line: int | None = None) -> Problem:
    more = {} if line is None else {"line": line}
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", detail, more=more)
