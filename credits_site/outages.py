"""An outside service that does not play its part becomes one true answer."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Final, TypeAlias

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _

from credits_site.answers import (
    is_plain_form,
    page_it_came_from,
    problem,
    render_page_or_fragment,
    see_other,
    wants_json,
)
from instant_admin.client.errors import InstantBusy, InstantError, InstantRejected, NoSuchRoute
from instant_admin.ledger.retries import OutcomeUnknown
from instant_admin.ledger.rules import KeyReused, LedgerError

logger = logging.getLogger(__name__)

RETRY_AFTER_S: Final = 5


class ServiceOutage(Exception):
    """Base of what an app says of a service that failed. `may_have_been_written` False means certainly not.

    `is_final` says that trying again cannot help, and `told`, marked with `gettext_noop`, is what a
    person reads instead of the usual.
    """

    is_final: bool = False
    told: str = ""
    may_have_been_written: bool = True
    retry_after_s: int = RETRY_AFTER_S


# What a view need not handle: it is nobody's mistake here, and the answer is always the same.
Outage: TypeAlias = ServiceOutage | InstantError | LedgerError
OUTAGES: Final[tuple[type[Outage], ...]] = (ServiceOutage, InstantError, LedgerError)


class OutageMiddleware(MiddlewareMixin):
    """Answers for a service when a view let its failure through.

    The log has the error, whose message carries no token and no body; the visitor is told only what is true
    about what they asked for.
    """

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """An answer as JSON, fragment or page; a plain form goes back to its page, to be sent again as it was."""
        if not isinstance(exception, OUTAGES):
            return None
        logger.error("%s %s: %s: %s", request.method, request.path, type(exception).__name__, exception)
        response = _answer(request, exception)
        if not is_final(exception) and not is_plain_form(request):
            response["Retry-After"] = str(_retry_after_s(exception))
        add_never_cache_headers(response)
        return response


def is_final(exception: Outage) -> bool:
    """Whether trying again cannot help: a refusal is no outage."""
    match exception:
        case ServiceOutage():
            return exception.is_final
        case LedgerError():
            return not isinstance(exception, OutcomeUnknown)
        case InstantRejected():
            return not isinstance(exception, InstantBusy)
        case _:
            return isinstance(exception, NoSuchRoute)


def outage_message(exception: Outage, *, writing: bool) -> str:
    """What to tell a person: whether anything was written, as far as anybody knows, and whether to try again."""
    if isinstance(exception, ServiceOutage) and exception.told:
        return _(exception.told)
    if is_final(exception):
        looked_at = _("This does not work, and trying again does not help: we have to look at it.")
        if exception.may_have_been_written:
            done = _("Your history shows what was done.")
        else:
            done = _("Nothing came of this attempt.")
        return f"{looked_at} {done}"
    if not writing:
        return _("A service we depend on does not answer right now. Try again in a moment.")
    if exception.may_have_been_written:
        return _(
            "We could not confirm that this went through. Press the button again: "
            "the same request is never charged twice."
        )
    return _(
        "A service we depend on did not play its part, and nothing came of this attempt. "
        "Try again in a moment: the same request is never charged twice."
    )


def _answer(request: HttpRequest, exception: Outage) -> HttpResponse:
    message = outage_message(exception, writing=request.method == "POST")
    status = HTTPStatus.CONFLICT if isinstance(exception, KeyReused) else HTTPStatus.SERVICE_UNAVAILABLE
    if wants_json(request):
        return problem(request, status, message, retry=not is_final(exception))
    if is_plain_form(request):
        messages.error(request, message)
        return see_other(page_it_came_from(request))
    context = {"message": message, "is_final": is_final(exception)}
    return render_page_or_fragment(
        request, page="outage.html", fragment="_notice.html", context=context, status=status
    )


def _retry_after_s(exception: Outage) -> int:
    if isinstance(exception, InstantBusy):
        return max(exception.refusal.retry_after_s or 0, RETRY_AFTER_S)
    return exception.retry_after_s if isinstance(exception, ServiceOutage) else RETRY_AFTER_S
