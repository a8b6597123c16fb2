"""The counter of a member as server-sent events: once when the stream opens, and whenever the balance moves.

The first event says whose it is, since a page may have been opened by another member of the same browser.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.http import SiteRequest, with_retry_after
from accounts.members import Member
from billing.counter.fragment import counter
from billing.counter.tabs import TooManyTabs, tabs
from credits_site.answers import problem

# Proxies close what is silent for a minute; so does a browser that has gone, but only when it is written to.
HEARTBEAT_S: Final = 15.0
# When this process is started again, its tabs come back over two seconds and not all at once.
RETRY_MS: Final = range(1000, 3000)
FULL_RETRY_AFTER_S: Final = 30
_EVENTS: Final = "text/event-stream; charset=utf-8"
_SIGNED_OUT: Final = "event: signed-out\ndata: \n\n"


@require_GET
@never_cache
async def credits_stream(request: SiteRequest) -> HttpResponseBase:
    """The stream, for `EventSource`, which reads no status: the signed out are told by its only event.

    It is 503 when the member has too many open. It needs a server that speaks ASGI; any other answers 204.
    """
    member = request.member
    if member is None:
        return HttpResponse(_SIGNED_OUT, content_type=_EVENTS)
    if not isinstance(request, ASGIRequest):
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    if not tabs.have_room_for(member):
        said = _("Too many pages are open. This one refreshes when you look at it.")
        full = problem(request, HTTPStatus.SERVICE_UNAVAILABLE, said, retry=True)
        return with_retry_after(full, FULL_RETRY_AFTER_S)
    return StreamingHttpResponse(
        _events(request, member, request.session.session_key or "", language=get_language()),
        content_type=_EVENTS,
        # nginx would hold back what is short.
        headers={"X-Accel-Buffering": "no"},
    )


async def _events(
    request: SiteRequest, member: Member, session_key: str, *, language: str | None
) -> AsyncIterator[str]:
    # Django keeps the request for as long as the stream is open, and nobody needs what is in it any more.
    vars(request).clear()
    retry_ms = random.SystemRandom().choice(RETRY_MS)
    yield f"retry: {retry_ms}\n\n" + _event("member", str(member.id))
    try:
        with tabs.opened(member, session_key) as tab:
            while not tab.over:
                news = await tab.next(timeout_s=HEARTBEAT_S)
                yield (
                    ":\n\n"
                    if news is None
                    else _event("credits", _fragment(news.credits, news.held, language))
                )
                await tabs.look_again()
    except TooManyTabs:  # since the stream was granted; the browser asks again
        return
    if tab.signed_out:
        yield _SIGNED_OUT


@lru_cache(maxsize=64)
def _fragment(credits: int, held: int, language: str | None) -> str:
    """The same for all tabs that show these numbers in this language."""
    with override(language):
        return render_to_string("billing/_credits.html", counter(credits, held))


def _event(name: str, text: str) -> str:
    lines = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {name}\n{lines}\n"
