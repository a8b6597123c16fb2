"""What the pages share that have a code mailed, or ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import codes
from accounts.browsers import known_as
from accounts.codes import CodeRefused, MailboxRefused, MailFailed, Purpose
from accounts.forms import CodeForm
from accounts.http import SiteRequest, with_retry_after
from accounts.limits import TooOften
from credits_site.addresses import address_of
from credits_site.answers import absolute, first_error, page_it_came_from, problem, see_other, wants_json
from credits_site.forms import KeptForm
from credits_site.security_log import complain, note

MAIL_RETRY_AFTER_S: Final = 30


@dataclass(frozen=True, slots=True)
class NotSent:
    """Why no code was sent, in words for a person."""

    message: str
    status: HTTPStatus
    retry_after_s: int | None = None


def send_code(
    request: SiteRequest, email: str, place: str, *, page: str, purpose: Purpose = Purpose.SIGN_IN
) -> NotSent | None:
    """Mail a code that is entered on the page of that name; None once it is on its way."""
    try:
        codes.send_code(
            email,
            place=place,
            address=address_of(request),
            known_browser=known_as(request, email),
            code_page=absolute(request, reverse(page)),
            purpose=purpose,
        )
    except TooOften as exc:
        complain(request, "limit reached", limit=exc.limit)
        message = _("Too many codes were asked for. Try again in %(wait)s") % {"wait": exc.wait}
        return NotSent(message, HTTPStatus.TOO_MANY_REQUESTS, exc.retry_after_s)
    except MailboxRefused:
        message = _("The mail server takes no mail to this address. Check it, or use a different email")
        return NotSent(message, HTTPStatus.UNPROCESSABLE_ENTITY)
    except MailFailed as exc:
        if exc.is_final:
            message = _("The mail cannot be sent, and trying again does not help: we have to look at it")
            return NotSent(message, HTTPStatus.SERVICE_UNAVAILABLE)
        message = _("The mail could not be sent. Try again in a moment")
        return NotSent(message, HTTPStatus.SERVICE_UNAVAILABLE, MAIL_RETRY_AFTER_S)
    return None


def ask_first(request: SiteRequest, page: str) -> HttpResponse:
    """Nobody waits for a code in this browser: send them to the page of that name, where one is asked for."""
    if wants_json(request):
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, _("Ask for a code first"))
    return see_other(reverse(page))


def refused(
    request: SiteRequest, form: KeptForm, status: HTTPStatus, *, retry_after_s: int | None = None
) -> HttpResponse:
    """Say what is wrong with a form, on the page that it came from."""
    if wants_json(request):
        return with_retry_after(problem(request, status, first_error(form)), retry_after_s)
    form.keep_with_errors(request.session)
    return see_other(page_it_came_from(request, otherwise=request.path))


def code_refused(request: SiteRequest, form: CodeForm, exc: CodeRefused) -> HttpResponse:
    """Say why a code is of no use."""
    note(request, "code refused", why=type(exc).__name__)
    form.add_error("code", _(exc.message))
    status = HTTPStatus.TOO_MANY_REQUESTS if exc.retry_after_s else HTTPStatus.UNPROCESSABLE_ENTITY
    return refused(request, form, status, retry_after_s=exc.retry_after_s)
