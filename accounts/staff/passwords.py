"""What moves credits wants a password that was typed lately: a browser left open moves none."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Final, ParamSpec

from django.contrib import messages
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from accounts.staff.logins import OURS, count_try, is_fresh, password_was_typed
from credits_site.answers import page_it_came_from, see_other
from credits_site.security_log import note

P = ParamSpec("P")
# The form that waits for a password: `{"action": …, "fields": [[name, value], …], "page": …}`.
WAITING: Final = OURS + "form"
PASSWORD_FIELD: Final = "password_again"  # noqa: S105  the name of a field
_NOT_KEPT: Final = (PASSWORD_FIELD, "csrfmiddlewaretoken")


def fresh_password_required(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Let a POST through if the password is fresh. Otherwise a page asks for it, and sends the same form again."""

    @wraps(view)
    @sensitive_post_parameters(PASSWORD_FIELD)
    def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if is_fresh(request) or _is_confirmed(request):
            note(request, "staff action", path=request.path)
            return view(request, *args, **kwargs)
        _keep(request)
        return see_other(reverse("admin:confirm_password"))

    return checked


def _is_confirmed(request: HttpRequest) -> bool:
    password = request.POST.get(PASSWORD_FIELD)
    if password is None:
        return False
    username = request.user.get_username()
    count_try(request, username)
    if authenticate(request, username=username, password=password) is None:
        messages.error(request, _("That is not your password. Type it again."))
        return False
    password_was_typed(request)
    request.session.pop(WAITING, None)
    return True


def _keep(request: HttpRequest) -> None:
    before = request.session.get(WAITING, {})
    request.session[WAITING] = {
        "action": request.get_full_path(),
        "fields": [
            [name, value]
            for name, values in request.POST.lists()
            for value in values
            if name not in _NOT_KEPT
        ],
        # Where the way back leads: after a wrong password still to the page that it began on.
        "page": before["page"] if PASSWORD_FIELD in request.POST and before else page_it_came_from(request),
    }
