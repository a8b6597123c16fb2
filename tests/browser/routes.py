"""Every address of the site: the state in which its page is looked at, or why it has none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from django.urls import URLResolver, resolve

# The state that shows the page.
PAGES: Final = {
    "home": "landing",
    "accounts:sign-in": "sign in",
    "accounts:enter-code": "code",
    "accounts:account": "account",
    "accounts:change-email": "new email",
    "accounts:confirm-email": "new email code",
    "accounts:delete": "deletion",
    "accounts:confirm-deletion": "deletion code",
    "accounts:export": "too often",
    "accounts:sessions": "sessions",
    "accounts:unsubscribe": "unsubscribing",
    "accounts:keys": "keys",
    "api": "for programs",
    "billing:history": "history",
    "billing:withdrawal": "taking a purchase back",
    "haikus:list": "list of haikus",
    "haikus:haiku": "haiku",
    "haikus:write": "broken",
    "admin:index": "staff front page",
    "admin:login": "staff login",
    "admin:logout": "staff logged out",
    "admin:confirm_password": "staff password again",
    "admin:two_factor": "staff two factor",
    "admin:password_change": "staff password change",
    "admin:password_change_done": "staff password changed",
    "admin:app_list": "staff app",
    "admin:auth_user_changelist": "staff accounts",
    "admin:auth_user_add": "staff account to add",
    "admin:auth_user_change": "staff account",
    "admin:auth_user_password_change": "staff account password",
    "admin:auth_user_history": "staff account before",
    "admin:auth_user_delete": "staff account to delete",
    "admin:auth_group_changelist": "staff groups",
    "admin:auth_group_add": "staff group to add",
    "admin:otp_totp_totpdevice_changelist": "staff phones",
    "admin:otp_totp_totpdevice_add": "staff phone to add",
    "admin:otp_totp_totpdevice_change": "staff phone",
    "admin:billing_member_changelist": "staff members",
    "admin:billing_member_change": "staff member",
    "admin:billing_member_totals": "staff totals",
    "admin:billing_member_grant": "staff give",
    "admin:billing_member_take": "staff take preview",
    "admin:billing_member_reset": "staff reset",
    "admin:billing_member_grant_many": "staff give many",
    "admin:billing_member_give_back": "staff give back",
    "admin:billing_member_refund": "staff refund",
    "admin:billing_attention_changelist": "staff attention",
    "admin:billing_attention_change": "staff attention one",
    "admin:billing_attention_history": "staff attention one before",
}
NO_PAGE: Final = {
    "does something and leads on to a page": {
        *("accounts:resend-code", "accounts:sign-out", "accounts:mails", "accounts:sign-out-everywhere"),
        "accounts:revoke-key",
        *(
            "billing:checkout",
            "billing:sync",
            "haikus:undo",
            "haikus:cancel",
            "haikus:delete",
            "set_language",
        ),
        *("admin:two_factor_on", "admin:two_factor_codes", "admin:two_factor_off", "admin:view_on_site"),
        *("admin:billing_member_check", "admin:billing_member_sign_out"),
    },
    "leads to a page of Stripe's": {"billing:receipt", "admin:billing_member_payment"},
    "is for programs": {
        *("billing:credits", "billing:credits_stream", "billing:webhook", "billing:api/stripe/webhook/"),
        *("admin:autocomplete", "admin:jsi18n", "admin:otp_totp_totpdevice_qrcode"),
    },
    "is a file": {"openapi", "billing:history-csv", "admin:billing_member_totals_csv"},
    "is Django's, for what nobody may do": {
        "admin:billing_attention_add",
        "admin:billing_attention_delete",
    },
    "looks as the same page of staff accounts does, and nothing of ours is on it": {
        *("admin:auth_group_history", "admin:auth_group_delete", "admin:auth_group_change"),
        *("admin:otp_totp_totpdevice_history", "admin:otp_totp_totpdevice_delete"),
        "admin:otp_totp_totpdevice_config",
    },
    "is Django's, for addresses that lead elsewhere or nowhere": {
        "admin:<path:object_id>/",
        "admin:(?P<url>.*)$",
    },
}


def routes(resolver: URLResolver, space: str = "") -> Iterator[str]:
    """The names of all addresses; of one without a name, its pattern."""
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            yield from routes(each, f"{each.namespace}:" if each.namespace else space)
        else:
            yield space + each.name if each.name else space + str(each.pattern)


def is_at(address: str, route: str) -> bool:
    """Whether an address is one of that route."""
    return resolve(urlsplit(address).path).view_name == route
