"""What `check --deploy` lets nobody go live with."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from django.core.checks import Tags, run_checks

from credits_site.checks import check_packages, check_shop

GOOD: dict[str, Any] = {
    "SECRET_KEY": "0123456789" * 5,
    "SECRET_KEY_FALLBACKS": [],
    "DEBUG": False,
    "SITE_URL": "https://credits.example",
    "ALLOWED_HOSTS": ["credits.example"],
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "LIMITS_ENABLED": True,
    "STRIPE_API_BASE": "https://api.stripe.com",
    "INSTANT_API_URI": "https://instant.example",
}


def found(settings: Any, **changed: Any) -> set[str]:
    for name, value in (GOOD | changed).items():
        setattr(settings, name, value)
    messages = run_checks(tags=[Tags.security], include_deployment_checks=True)
    return {str(message.id) for message in messages if message.is_serious()}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, set()),
        ({"SECRET_KEY": "0123456789" * 4 + "012345678"}, {"credits_site.E001"}),
        ({"SECRET_KEY": "012345678" * 10}, {"credits_site.E001"}),
        ({"SECRET_KEY_FALLBACKS": ["short"]}, {"credits_site.E001"}),
        ({"DEBUG": True}, {"credits_site.E002"}),
        ({"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}, {"credits_site.E003"}),
        ({"LIMITS_ENABLED": False}, {"credits_site.E004"}),
        ({"SITE_URL": ""}, {"credits_site.E005"}),
        ({"SITE_URL": "http://credits.example"}, {"credits_site.E005"}),
        ({"ALLOWED_HOSTS": [".elsewhere.example"]}, {"credits_site.E006"}),
        ({"FORWARDED_ALLOW_IPS": ["10.0.0.7", "10.0.0.0/8", "::1", "*"]}, set()),
        ({"FORWARDED_ALLOW_IPS": ["10.0.0.7/8"]}, {"credits_site.E007"}),
        ({"FORWARDED_ALLOW_IPS": ["proxy.example"]}, {"credits_site.E007"}),
        ({"METRICS_NETWORKS": ["10.0.0.0/8", "::1"], "METRICS_TOKEN": "0123456789abcdef" * 2}, set()),
        ({"METRICS_NETWORKS": ["10.0.0.7/8"]}, {"credits_site.E009"}),
        ({"METRICS_TOKEN": "short"}, {"credits_site.E010"}),
        ({"STRIPE_API_BASE": "http://127.0.0.1:12111"}, {"billing.E011"}),
        ({"INSTANT_API_URI": "http://instant.example"}, {"instant_admin.E003"}),
    ],
)
def test_what_is_for_development_does_not_go_live(
    settings: Any, changed: dict[str, Any], expected: set[str]
) -> None:
    assert found(settings, **changed) == expected


@pytest.mark.parametrize(
    ("setting", "package"),
    [
        ("SENTRY_DSN", "sentry_sdk"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "opentelemetry.exporter.otlp.proto.http"),
    ],
)
def test_a_setting_whose_package_is_missing_is_an_error(
    settings: Any, monkeypatch: pytest.MonkeyPatch, setting: str, package: str
) -> None:
    setattr(settings, setting, "http://key@127.0.0.1:9/1")
    assert list(check_packages(None)) == []
    monkeypatch.setitem(sys.modules, package, None)  # which Python takes for a package that is not there
    (message,) = check_packages(None)
    assert (message.id, setting in message.msg) == ("credits_site.E011", True)
    setattr(settings, setting, "")
    assert list(check_packages(None)) == []


def test_a_shop_that_says_nothing_of_itself_is_worth_a_warning(settings: Any) -> None:
    texts = [message.msg for message in check_shop(None)]
    assert [text.partition(". ")[0] for text in texts] == [
        "Not set: CONTACT_EMAIL, REFUND_POLICY_URL, TERMS_URL, PRIVACY_URL"
    ]
    settings.CONTACT_EMAIL = "shop@example.com"
    settings.REFUND_POLICY_URL = settings.TERMS_URL = settings.PRIVACY_URL = "https://example.com/"
    assert list(check_shop(None)) == []
