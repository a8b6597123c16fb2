"""Credits: how many, buying them, where they went."""

from django.urls import path

from billing import views, withdrawal_page
from billing.counter import stream

app_name = "billing"
urlpatterns = [
    path("api/credits", views.credits, name="credits"),
    path("api/credits/stream", stream.credits_stream, name="credits_stream"),
    path("api/stripe/checkout", views.checkout, name="checkout"),
    path("api/stripe/sync", views.sync, name="sync"),
    path("api/stripe/webhook", views.webhook, name="webhook"),
    # Stripe follows no redirect, and people end addresses with a slash.
    path("api/stripe/webhook/", views.webhook),
    path("history/", views.history, name="history"),
    path("history/export.csv", views.history_csv, name="history-csv"),
    path("history/receipts/<str:checkout_id>/", views.receipt, name="receipt"),
    path("history/purchases/<str:checkout_id>/withdraw/", withdrawal_page.withdrawal, name="withdrawal"),
]
