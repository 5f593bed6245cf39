"""A page without the frame of a force: signing in, and what went wrong. It asks nothing of the ledger."""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from importlib import resources

from fastapi.responses import HTMLResponse
from markupsafe import Markup, escape

STATIC = resources.files("service.control_room") / "static"


def plain_page(
    title: str,
    body: Markup,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    head: str = "",
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """A title and what is said under it."""
    return HTMLResponse(
        '<!doctype html><html lang="en-GB" data-theme="auto"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · Recount</title>"
        f'<link rel="stylesheet" href="/static/recount.css?v={version()}">'
        f'<link rel="icon" href="/static/icon.svg?v={version()}" type="image/svg+xml">{head}</head>'
        f'<body class="desk"><main><h1>{escape(title)}</h1><section>{body}</section></main></body>'
        "</html>",
        status,
        dict(headers or {}),
    )


@cache
def version() -> str:
    """Digest of what is static, so that a browser never keeps an old module."""
    digest = sha256()
    for file in sorted(STATIC.iterdir(), key=lambda each: each.name):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
