"""A code from an app besides the password, and backup codes for when the phone is lost."""

from __future__ import annotations

import time
from base64 import b64encode
from io import BytesIO
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django_otp import verify_token
from django_otp.models import Device
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp.qr import write_qrcode_image

BACKUP_CODES: Final = 10
_DIGITS: Final = 6


def is_on(user: User) -> bool:
    """Whether this person has to give a code when they log in."""
    return bool(TOTPDevice.objects.devices_for_user(user, confirmed=True).exists())


def is_owed(user: User | AnonymousUser) -> bool:
    """Whether this person has to set up an app before they may do anything else."""
    return settings.STAFF_TOTP_REQUIRED and isinstance(user, User) and not is_on(user)


def device_of(user: User, code: str) -> Device | None:
    """What the code was made by, or None for a wrong one. A code is good once.

    After a wrong code the app's next is not looked at for a second, after another for two, then four; so with the
    backup codes. Only somebody who has the password comes this far.
    """
    kind = TOTPDevice if len(code) == _DIGITS else StaticDevice
    devices = kind.objects.devices_for_user(user, confirmed=True)
    tried = (verify_token(user, device.persistent_id, code) for device in devices)
    return next(filter(None, tried), None)


def given(user: User, device: Device) -> None:
    """Note on somebody who is about to be logged in what their code was made by; django-otp's name for it."""
    user.otp_device = device  # type: ignore[attr-defined]


def is_given(user: User | AnonymousUser) -> bool:
    """Whether a code was given for this login, and what made it is still there."""
    return getattr(user, "otp_device", None) is not None


def turn_on(user: User, *, key: str, code: str) -> Device | None:
    """Ask this person for codes from now on, if this one shows that their app has the key, which is in hex."""
    totp = TOTP(bytes.fromhex(key), digits=_DIGITS)
    totp.time = time.time()
    if len(code) != _DIGITS or not code.isdecimal() or not totp.verify(int(code), tolerance=1):
        return None
    seen: dict[str, Any] = {"name": "Authenticator app", "last_t": totp.t()}
    return TOTPDevice.objects.get_or_create(user=user, key=key, defaults=seen)[0]


def turn_off(user: User) -> None:
    """Ask this person for no code any more, and forget their backup codes."""
    for kind in (TOTPDevice, StaticDevice):
        kind.objects.devices_for_user(user).delete()


@transaction.atomic
def new_backup_codes(user: User) -> list[str]:
    """Codes that are good for one login each. Those from before are not any more."""
    StaticDevice.objects.devices_for_user(user).delete()
    device = StaticDevice.objects.create(user=user, name="Backup codes")
    codes = [StaticToken.random_token() for _ in range(BACKUP_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in codes)
    return codes


def backup_codes_left(user: User) -> int:
    """How many backup codes are not used up."""
    return int(StaticToken.objects.filter(device__user=user).count())


def address_for_app(user: User, key: str) -> str:
    """The otpauth:// address by which an app takes the key."""
    return str(TOTPDevice(user=user, key=key).config_url)


def picture_of(address: str) -> str:
    """A QR code as the address of an image, with the image in it."""
    picture = BytesIO()
    write_qrcode_image(address, picture)
    return "data:image/svg+xml;base64," + b64encode(picture.getvalue()).decode()
