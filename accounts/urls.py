"""Signing in and out, and a member's account."""

from django.urls import path

from accounts import views
from accounts.account import views as account
from accounts.keys import views as keys
from accounts.mails import views as mails

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/code/", views.enter_code, name="enter-code"),
    path("sign-in/code/resend/", views.resend_code, name="resend-code"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("account/", account.account, name="account"),
    path("account/email/", account.new_email, name="change-email"),
    path("account/email/code/", account.confirm_email, name="confirm-email"),
    path("account/export.json", account.export, name="export"),
    path("account/delete/", account.deletion, name="delete"),
    path("account/delete/code/", account.confirm_deletion, name="confirm-deletion"),
    path("account/keys/", keys.keys, name="keys"),
    path("account/keys/<uuid:key_id>/revoke/", keys.revoke_key, name="revoke-key"),
    path("account/mails/", mails.choose, name="mails"),
    path("mails/unsubscribe/<token>/", mails.unsubscribe, name="unsubscribe"),
    path("account/sessions/", views.sessions, name="sessions"),
    path("account/sessions/end/", views.sign_out_everywhere, name="sign-out-everywhere"),
]
