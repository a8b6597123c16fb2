"""How often a login of staff may be tried, and how long one lasts.

Staff and a member may be logged in in one browser, and so in one session. The session lasts as long as a member's.
It says since when staff are logged in; what is over is taken out of it, and the member stays.
"""

from __future__ import annotations

import time
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest
from django_otp import DEVICE_ID_SESSION_KEY

from accounts.limits import count
from credits_site.addresses import address_of, network_of
from credits_site.security_log import note

# What the session has of a login: by Django, by django-otp, and by us under names that begin like this.
_THEIRS: Final = (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY, DEVICE_ID_SESSION_KEY)
OURS: Final = "staff:"
# When the login began and when the password was typed last, in seconds since 1970.
_BEGAN: Final = OURS + "began"
_PASSWORD: Final = OURS + "password"


def count_try(request: HttpRequest, username: str) -> None:
    """Count one more try at a password. Raises `TooOften`.

    Comes before the password is looked at, or the right guess would get through after all the wrong ones. A name is
    counted together with the network that tries it: whoever knows a name can lock out nobody elsewhere.
    """
    network = network_of(address_of(request))
    count("STAFF_LOGINS_PER_ADDRESS_PER_HOUR", of=network)
    count("STAFF_LOGINS_PER_NAME_AND_ADDRESS_PER_HOUR", of=f"{network} {username}")


@receiver(user_logged_in)
def _begin(request: HttpRequest, **kwargs: Any) -> None:
    request.session[_BEGAN] = time.time()
    password_was_typed(request)
    note(request, "staff logged in")


@receiver(user_login_failed)
def _refused(request: HttpRequest | None = None, **kwargs: Any) -> None:
    note(request, "staff password refused")


def password_was_typed(request: HttpRequest) -> None:
    """The right password was typed just now. The login lasts no longer for it."""
    request.session[_PASSWORD] = time.time()


def is_fresh(request: HttpRequest) -> bool:
    """Whether the password was typed so lately that credits may be moved."""
    limit_s: int = settings.STAFF_PASSWORD_FRESH_MINUTES * 60
    return _age_s(request, _PASSWORD) < limit_s


def end_if_over(request: HttpRequest) -> bool:
    """Log staff out whose login has lasted its hours, and only them; whether it was so."""
    if SESSION_KEY not in request.session or _age_s(request, _BEGAN) < settings.STAFF_SESSION_HOURS * 3600:
        return False
    for key in tuple(request.session.keys()):
        if key in _THEIRS or key.startswith(OURS):
            del request.session[key]
    request.session.cycle_key()
    request.user = AnonymousUser()
    return True


def _age_s(request: HttpRequest, key: str) -> float:
    return time.time() - float(request.session.get(key, 0))
