"""Signing in and out."""

from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/code/", views.enter_code, name="enter-code"),
    path("sign-in/code/resend/", views.resend_code, name="resend-code"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("account/sessions/", views.sessions, name="sessions"),
    path("account/sessions/end/", views.sign_out_everywhere, name="sign-out-everywhere"),
]
