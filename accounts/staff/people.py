"""Django's pages about staff, in the ways in which everybody can use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib.admin import AdminSite
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import ManyToManyField
from django.forms import CheckboxSelectMultiple
from django_otp.plugins.otp_totp.admin import TOTPDeviceAdmin
from django_otp.plugins.otp_totp.models import TOTPDevice

if TYPE_CHECKING:
    _GroupAdmin = GroupAdmin
    _UserAdmin = UserAdmin[User]
else:  # Django's own class takes no parameter
    _GroupAdmin, _UserAdmin = GroupAdmin, UserAdmin

# Django's two lists have a name that no screen reader says.
_BOXES: Final[dict[Any, Any]] = {ManyToManyField: {"widget": CheckboxSelectMultiple}}


class StaffAdmin(_UserAdmin):
    """When somebody came and was here last is the site's to say, in fields without labels as well."""

    filter_horizontal = ()
    formfield_overrides = _BOXES
    readonly_fields = ("last_login", "date_joined")


class StaffGroupAdmin(_GroupAdmin):
    """What a group may do, box by box."""

    filter_horizontal = ()
    formfield_overrides = _BOXES


class PhoneAdmin(TOTPDeviceAdmin):  # type: ignore[misc]  # it has no types
    """Apps for two-factor login. Its help takes the place of the label of the search, and its date has no labels."""

    search_help_text = None
    readonly_fields = (*TOTPDeviceAdmin.readonly_fields, "throttling_failure_timestamp")


def register(site: AdminSite) -> None:
    """Put these in the place of Django's; the apps may be set up again."""
    for model, model_admin in ((User, StaffAdmin), (Group, StaffGroupAdmin), (TOTPDevice, PhoneAdmin)):
        site.unregister(model)
        site.register(model, model_admin)
