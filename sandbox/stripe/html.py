"""What every page shares: the templates, the stylesheet, and answers made of them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, quote

import jinja2

from sandbox.serving import Request, Response
from sandbox.stripe import money
from sandbox.stripe.errors import ApiError

TEMPLATES: Final = Path(__file__).parent / "templates"
ASSETS: Final = {
    "/assets/sandbox.css": ("sandbox.css", "text/css; charset=utf-8"),
    "/assets/pay.js": ("pay.js", "text/javascript; charset=utf-8"),
}
HEADERS: Final = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:",
    "referrer-policy": "no-referrer",
}


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["money"] = money.display
    environment.filters["moment"] = _moment
    environment.filters["span"] = _span
    environment.filters["words"] = lambda text: text.replace("_", " ")
    return environment


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%d %b %H:%M:%S")


def _span(seconds: float) -> str:
    """How long something takes, roughly: `3 s`, `5 min`, `23 h`."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, math.ceil(seconds))} s"


def page(template: str, *, status: int = 200, **context: Any) -> Response:
    """A rendered page."""
    text = _environment().get_template(template).render(context)
    return Response(status=status, body=text.encode(), headers=HEADERS)


def asset(path: str) -> Response | None:
    """The stylesheet or the script at `path`, if there is one."""
    if path not in ASSETS:
        return None
    file, kind = ASSETS[path]
    headers = {"content-type": kind, "cache-control": "no-cache"}
    return Response(body=(TEMPLATES / file).read_bytes(), headers=headers)


def see_other(url: str) -> Response:
    """A redirect to be followed with GET. Characters that a header cannot hold are percent-encoded."""
    return Response(status=303, headers={"location": quote(url, safe="%/:?#[]@!$&'()*+,;=~{}")})


def refusal(error: ApiError) -> Response:
    """A page that shows why a request was refused."""
    return page("refusal.html", status=error.status, message=error.message)


def query_of(request: Request) -> dict[str, str]:
    """The parameters of an address; of a repeated one, the last."""
    return dict(parse_qsl(request.query))


def form_of(request: Request) -> dict[str, str]:
    """The fields of a posted form; of a repeated one, the last."""
    return dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
