"""System checks: what must not go live (`manage.py check --deploy`). Django's own checks warn of the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, Final
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured
from django.core.mail.backends import console, dummy, locmem
from django.http.request import validate_host
from django.utils.module_loading import import_string

from credits_site.addresses import networks_in
from credits_site.proxies import WHOEVER_CONNECTS

SHORTEST_KEY: Final = 50
FEWEST_CHARACTERS: Final = 10
SHORTEST_TOKEN: Final = 32
# The package that a setting needs, and the extra of `pyproject.toml` that has it.
_NEEDED: Final = {
    "SENTRY_DSN": ("sentry_sdk", "sentry"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": ("opentelemetry.exporter.otlp.proto.http", "traces"),
}
# Mail that nobody gets. The file backend is a kind of the console's.
MAIL_THAT_STAYS: Final = (console.EmailBackend, dummy.EmailBackend, locmem.EmailBackend)


@checks.register(checks.Tags.security, deploy=True)
def check_ready_for_strangers(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> Iterator[CheckMessage]:
    """Nothing that is for development only."""
    for key in _keys():
        if len(key) < SHORTEST_KEY or len(set(key)) < FEWEST_CHARACTERS:
            yield Error(
                f"A SECRET_KEY has fewer than {SHORTEST_KEY} characters, or {FEWEST_CHARACTERS} different ones.",
                hint='Use what `python -c "import secrets; print(secrets.token_urlsafe(50))"` prints.',
                id="credits_site.E001",
            )
    if settings.DEBUG:
        yield Error(
            "DEBUG is on, so an error page would show strangers the settings.",
            hint="Remove DEBUG from the environment.",
            id="credits_site.E002",
        )
    if issubclass(import_string(settings.EMAIL_BACKEND), MAIL_THAT_STAYS):
        yield Error(
            "EMAIL_URL is not set to a mail server, so nobody gets a sign-in code.",
            hint="Set EMAIL_URL, such as smtp+tls://user:password@smtp.example.com:587.",
            id="credits_site.E003",
        )
    if not settings.LIMITS_ENABLED:
        yield Error(
            "LIMITS_ENABLED is off, so anybody may guess codes and send mail in your name without end.",
            hint="Remove LIMITS_ENABLED from the environment; it is for load tests.",
            id="credits_site.E004",
        )
    site = urlsplit(settings.SITE_URL)
    if site.scheme != "https" or not site.hostname:
        yield Error(
            "SITE_URL is no https address, so Stripe and our mails lead people to where a request says it was sent.",
            hint="Set SITE_URL to where people find the site, such as https://credits.example.com.",
            id="credits_site.E005",
        )
    elif not validate_host(site.hostname, settings.ALLOWED_HOSTS):
        yield Error(
            "The host of SITE_URL is not in ALLOWED_HOSTS, so whoever comes back is refused.",
            hint="Add it to ALLOWED_HOSTS, or remove ALLOWED_HOSTS.",
            id="credits_site.E006",
        )


def _keys() -> list[str]:
    """All keys. Django raises for an empty one, which would hide what else is wrong."""
    try:
        return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    except ImproperlyConfigured:
        return [""]


@checks.register(deploy=True)
def check_shop(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """Buyers know whom they buy from."""
    wanted = ("CONTACT_EMAIL", "REFUND_POLICY_URL", "TERMS_URL", "PRIVACY_URL")
    if unset := [name for name in wanted if not getattr(settings, name)]:
        yield Warning(
            f"Not set: {', '.join(unset)}. Buyers do not know whom to write to, or what holds for a purchase.",
            hint="Set them. Stripe asks for them before it activates an account.",
            id="credits_site.W008",
        )


@checks.register(checks.Tags.security)
def check_readers_of_metrics(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> Iterator[CheckMessage]:
    """Every network can be read, and the token cannot be guessed."""
    try:
        networks_in(settings.METRICS_NETWORKS)
    except ValueError as exc:
        yield Error(
            f"METRICS_NETWORKS has something that is no network: {exc}.",
            hint="Write the addresses or networks of Prometheus, such as 10.0.0.0/8.",
            id="credits_site.E009",
        )
    if settings.METRICS_TOKEN and len(settings.METRICS_TOKEN) < SHORTEST_TOKEN:
        yield Error(
            f"METRICS_TOKEN has fewer than {SHORTEST_TOKEN} characters, so it can be guessed.",
            hint='Use what `python -c "import secrets; print(secrets.token_urlsafe())"` prints.',
            id="credits_site.E010",
        )


@checks.register()
def check_packages(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """What a setting asks for is installed."""
    for setting, (package, extra) in _NEEDED.items():
        if getattr(settings, setting) and not _is_there(package):
            yield Error(
                f"{setting} is set, and the package that it needs is not installed.",
                hint=f"Run `pip install '.[{extra}]'`, or remove {setting}.",
                id="credits_site.E011",
            )


def _is_there(package: str) -> bool:
    try:
        import_module(package)
    except ImportError:
        return False
    return True


@checks.register(checks.Tags.security)
def check_proxies(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """Every proxy can be read, or no request could be answered."""
    try:
        networks_in(name for name in settings.FORWARDED_ALLOW_IPS if name != WHOEVER_CONNECTS)
    except ValueError as exc:
        yield Error(
            f"FORWARDED_ALLOW_IPS has something that is no network: {exc}.",
            hint="Write the addresses or networks of your proxies, such as 127.0.0.1,10.0.0.0/8.",
            id="credits_site.E007",
        )
