"""Every setting of the site, and the only reader of the environment.

Each variable is listed with a line of comment in `.env.example`. Nothing secret has a default that works:
what is missing is reported, all at once and with a hint, by `manage.py check` (see `checks.py` of the apps).
"""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ

from credits_site.plain_text import add_security_headers

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")

# The site -----------------------------------------------------------------------------------------------

SECRET_KEY = env.str("SECRET_KEY", default="")
# Those before it, while sessions, tokens and seals made under them are still good.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
DEBUG = env.bool("DEBUG", default=False)
# Where people find the site, such as https://credits.example.com. Empty: wherever the request says it was sent.
SITE_URL = env.str("SITE_URL", default="").rstrip("/")
# Who sells here, and what holds for a purchase: linked on every page.
CONTACT_EMAIL = env.str("CONTACT_EMAIL", default="")
REFUND_POLICY_URL = env.str("REFUND_POLICY_URL", default="")
TERMS_URL = env.str("TERMS_URL", default="")
PRIVACY_URL = env.str("PRIVACY_URL", default="")
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", *filter(None, [urlsplit(SITE_URL).hostname])]
)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[SITE_URL] if SITE_URL else [])
ROOT_URLCONF = "credits_site.urls"
ASGI_APPLICATION = "credits_site.asgi.application"

INSTALLED_APPS = [
    "accounts.staff.apps.StaffAdminConfig",  # django.contrib.admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "post_office",
    "credits_site",
    "instant_admin",
    "accounts",
    "billing",
    "haikus",
]

MIDDLEWARE = [
    "credits_site.measured.MeasuringMiddleware",
    "credits_site.security_log.RequestIdMiddleware",
    "credits_site.programs.ProgramMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "credits_site.security.ContentSecurityPolicyMiddleware",
    "credits_site.compression.CompressionMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "credits_site.outages.OutageMiddleware",
    # After the outages: errors pass from the last to the first, and a refused member is not an outage.
    "accounts.middleware.MemberMiddleware",
    "accounts.staff.middleware.StaffMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.i18n",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "credits_site.shop.shop",
            ],
        },
    },
]

# What a visitor chose at the foot of a page, or else what their browser asks for; the first where it knows neither.
# `locale/` has the words, and `credits_site/formats/` how dates are written. Logs and commands are in English.
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LANGUAGE_CODE = "en"
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["credits_site.formats"]
TIME_ZONE = "UTC"
USE_TZ = True

# HTTPS. On unless told otherwise: cookies would travel in the clear without it.
HTTPS_ONLY = env.bool("HTTPS_ONLY", default=True)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS_ONLY
# By this name browsers know a cookie that no other host, and no page over http, can have set.
COOKIE_PREFIX = "__Host-" if HTTPS_ONLY else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}language"
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=60 * 60 * 24 * 365 if HTTPS_ONLY else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.bool("HSTS_SUBDOMAINS_AND_PRELOAD", default=False)
SESSION_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 60 * 60 * 24 * 365
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "credits_site.error_pages.csrf_failure"

# Django's own database holds sign-in sessions and staff. No credit and no money is ever in it.
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'var' / 'site.sqlite3'}")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # SQLite makes its file, but not the folder for it.
    Path(DATABASES["default"]["NAME"]).parent.mkdir(parents=True, exist_ok=True)
    # WAL lets readers and one writer work at once; a writer that begins as one never has to upgrade a lock.
    DATABASES["default"]["OPTIONS"] = {
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
    }
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # Seconds to let us in, and to answer each question; `?answer_timeout=` in the URL says otherwise.
    DATABASES["default"] |= {
        "ENGINE": "credits_site.postgresql",
        "OPTIONS": {"connect_timeout": 3, "answer_timeout": 10} | DATABASES["default"].get("OPTIONS", {}),
    }
# Each thread keeps its connection, and looks whether it is still good when the next request needs it.
DATABASES["default"] = {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True} | DATABASES["default"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
# In a cookie, what a page says of somebody could be read by whoever has the browser next.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
# Prices read from Stripe. With several server processes, use a shared one; `own` stands in for it while it is away.
CACHES = {
    "default": env.cache("CACHE_URL", default="locmemcache://"),
    # Also the newest haikus of those who write: what a process has forgotten it asks Instant for.
    "own": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "own",
        "OPTIONS": {"MAX_ENTRIES": 4096},
    },
}
_shared = CACHES["default"]
if _shared["BACKEND"].endswith("RedisCache"):
    # A cache that does not answer would hold up every page; `?socket_timeout=` in the URL says otherwise.
    _half_a_second = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
    _shared["OPTIONS"] = _half_a_second | _shared.get("OPTIONS", {})

# The server. How long a client may take to send its headers, then its body, and to take what it is sent.
CLIENT_TIMEOUT_S = env.float("CLIENT_TIMEOUT_S", default=15)
# How long it goes on answering when it was told to stop, while `/readyz` says so.
DRAIN_S = env.float("DRAIN_S", default=0)
# How many requests one process works on at once, live counters aside; fewer where it has no descriptors for them.
# A thread waits for Instant most of the time: one that waits 100 ms a request answers ten a second.
SITE_THREADS = env.int("SITE_THREADS", default=64)
# How many it takes in at once; those without a thread wait for one.
REQUESTS_PER_PROCESS = env.int("REQUESTS_PER_PROCESS", default=200)
# How many haikus it writes at once whose generator takes time, how many more may wait for that, after how many
# seconds credits held for one go back, and how often it looks for such.
GENERATOR_WORKERS = env.int("GENERATOR_WORKERS", default=8)
GENERATOR_WAITING_LIMIT = env.int("GENERATOR_WAITING_LIMIT", default=500)
HOLD_EXPIRES_AFTER_S = env.int("HOLD_EXPIRES_AFTER_S", default=15 * 60)
HOLD_SWEEP_EVERY_S = env.int("HOLD_SWEEP_EVERY_S", default=60)
# How many movements of credits go to Instant at once, and where processes of one machine take turns at an account.
LEDGER_BATCH_LIMIT = env.int("LEDGER_BATCH_LIMIT", default=64)
LEDGER_TURNS_FOLDER = env.str("LEDGER_TURNS_FOLDER", default="")
# How many live counters may be open, of one member, from one network address, in one process.
STREAMS_PER_MEMBER = env.int("STREAMS_PER_MEMBER", default=16)
STREAMS_PER_ADDRESS = env.int("STREAMS_PER_ADDRESS", default=100)
STREAMS_PER_PROCESS = env.int("STREAMS_PER_PROCESS", default=1000)
# The proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses, networks, or `*`.
FORWARDED_ALLOW_IPS = env.list("FORWARDED_ALLOW_IPS", default=["127.0.0.1", "::1"])

STATIC_URL = "static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))
# From where they are made, or else from where `collectstatic` has put them.
SERVESTATIC_USE_FINDERS = SERVESTATIC_AUTOREFRESH = DEBUG
SERVESTATIC_ALLOW_ALL_ORIGINS = False
SERVESTATIC_ADD_HEADERS_FUNCTION = add_security_headers
# What browsers and search engines look for at the root: favicon.ico, robots.txt.
SERVESTATIC_ROOT = BASE_DIR / "credits_site" / "root"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "servestatic.storage.CompressedManifestStaticFilesStorage"
    },
}

# Mail carries the sign-in codes.
vars().update(env.email("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Instant Credits <signin@localhost>")
EMAIL_TIMEOUT = 10
# All others wait in the database. Whether this process sends them at once; if not, `manage.py send_mails` does.
MAILS_AT_ONCE = env.bool("MAILS_AT_ONCE", default=True)

# How often something may be done: that many at once, then evenly. An IPv6 address counts as its /64.
LIMITS_ENABLED = env.bool("LIMITS_ENABLED", default=True)
CODES_PER_ADDRESS_PER_HOUR = env.int("CODES_PER_ADDRESS_PER_HOUR", default=60)
CODES_PER_EMAIL_AND_ADDRESS_PER_HOUR = env.int("CODES_PER_EMAIL_AND_ADDRESS_PER_HOUR", default=5)
CODES_PER_EMAIL_PER_DAY = env.int("CODES_PER_EMAIL_PER_DAY", default=20)
CODES_PER_KNOWN_BROWSER_PER_HOUR = env.int("CODES_PER_KNOWN_BROWSER_PER_HOUR", default=10)
CODES_PER_MINUTE = env.int("CODES_PER_MINUTE", default=300)
TRIES_PER_CODE = env.int("TRIES_PER_CODE", default=5)
WRITES_PER_MEMBER_PER_MINUTE = env.int("WRITES_PER_MEMBER_PER_MINUTE", default=60)
STRIPE_CALLS_PER_MEMBER_PER_HOUR = env.int("STRIPE_CALLS_PER_MEMBER_PER_HOUR", default=120)
EXPORTS_PER_MEMBER_PER_HOUR = env.int("EXPORTS_PER_MEMBER_PER_HOUR", default=10)
REQUESTS_PER_KEY_PER_MINUTE = env.int("REQUESTS_PER_KEY_PER_MINUTE", default=300)
WRONG_KEYS_PER_ADDRESS_PER_HOUR = env.int("WRONG_KEYS_PER_ADDRESS_PER_HOUR", default=100)
STAFF_LOGINS_PER_ADDRESS_PER_HOUR = env.int("STAFF_LOGINS_PER_ADDRESS_PER_HOUR", default=30)
STAFF_LOGINS_PER_NAME_AND_ADDRESS_PER_HOUR = env.int("STAFF_LOGINS_PER_NAME_AND_ADDRESS_PER_HOUR", default=10)

# How many keys for programs a member may have at once.
KEYS_PER_MEMBER = env.int("KEYS_PER_MEMBER", default=20)

# Staff, who log in at /admin/.
STAFF_SESSION_HOURS = env.int("STAFF_SESSION_HOURS", default=8)
STAFF_PASSWORD_FRESH_MINUTES = env.int("STAFF_PASSWORD_FRESH_MINUTES", default=60)
STAFF_TOTP_REQUIRED = env.bool("STAFF_TOTP_REQUIRED", default=False)
STAFF_NETWORKS = env.list("STAFF_NETWORKS", default=[])
STAFF_TYPE_AGAIN_CREDITS = env.int("STAFF_TYPE_AGAIN_CREDITS", default=1000)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# What an authenticator app calls the site; and the admin shows nobody the key of another's app.
OTP_TOTP_ISSUER = "Instant Credits"
OTP_ADMIN_HIDE_SENSITIVE_DATA = True

# One JSON object a line, for a collector of logs; otherwise lines for a person.
LOG_JSON = env.bool("LOG_JSON", default=False)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "credits_site.logs.OneLine",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        },
        "object": {"()": "credits_site.logs.OneObject"},
    },
    "filters": {
        "repetitions": {
            "()": "credits_site.logs.Repetitions",
            "every_line_of": [
                "billing.attention",
                "billing.fulfilment",
                "billing.staff",
                "billing.webhook",
            ],
        },
        "tokens_left_out": {"()": "credits_site.logs.TokensLeftOut"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "object" if LOG_JSON else "line",
            "filters": ["repetitions"],
        },
    },
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.request": {"filters": ["tokens_left_out"]},
        # Two lines for each call otherwise.
        "stripe": {"level": "WARNING"},
        # It brings handlers of its own unless it finds some.
        "post_office": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}

# Who may read `/metrics`: from these networks, and with this token, as far as they are set. Neither: nobody.
METRICS_NETWORKS = env.list("METRICS_NETWORKS", default=[])
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
# Where the processes of one machine put their numbers together.
METRICS_FOLDER = env.str("METRICS_FOLDER", default="")

# Who collects errors (a DSN of Sentry's) and traces (an OpenTelemetry collector's address). Each needs its package.
SENTRY_DSN = env.str("SENTRY_DSN", default="")
OTEL_EXPORTER_OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")

# Instant: the balance store ------------------------------------------------------------------------------

INSTANT_API_URI = env.str("INSTANT_API_URI", default="https://api.instantdb.com")
INSTANT_APP_ID = env.str("INSTANT_APP_ID", default="")
INSTANT_APP_ADMIN_TOKEN = env.str("INSTANT_APP_ADMIN_TOKEN", default="")
# A file with the certificate of whoever signed the server's own, if no public authority did. Empty: the public ones.
INSTANT_CA_BUNDLE = env.str("INSTANT_CA_BUNDLE", default="")
# Nothing is written: while the app is moved to another server, see docs/moving.md.
INSTANT_READ_ONLY = env.bool("INSTANT_READ_ONLY", default=False)
# How often an Instant or a Stripe that does not answer is asked whether it is back. 0: by every page.
DEAD_SERVICE_ASKED_EVERY_S = env.float("DEAD_SERVICE_ASKED_EVERY_S", default=2)
INSTANT_SCHEMA_DIR = BASE_DIR / "instant"

# Stripe: payment -----------------------------------------------------------------------------------------

STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", default="").strip()
# The endpoint's signing secret; both the old and the new one while it is rolled.
STRIPE_WEBHOOK_SECRETS = [
    secret.strip() for secret in env.list("STRIPE_WEBHOOK_SECRET", default=[]) if secret.strip()
]
# Whose a checkout is: one Stripe account can serve several sites. It stays when the Instant app is another.
SHOP_ID = env.str("SHOP_ID", default="") or INSTANT_APP_ID
STRIPE_API_BASE = env.str("STRIPE_API_BASE", default="https://api.stripe.com")
# How long a buyer may take back what they have not spent of a purchase; 0: never.
WITHDRAWAL_DAYS = env.int("WITHDRAWAL_DAYS", default=14)
# Where buyers may be sent to pay. A custom checkout domain is another; Stripe sends them nowhere else.
CHECKOUT_ORIGINS = env.list("CHECKOUT_ORIGINS", default=[])
# What Stripe's page does besides: parameters of Checkout, see `billing/stripe_api/checkouts.py`.
CHECKOUT_AUTOMATIC_TAX = env.bool("CHECKOUT_AUTOMATIC_TAX", default=False)
CHECKOUT_TAX_IDS = env.bool("CHECKOUT_TAX_IDS", default=False)
CHECKOUT_BILLING_ADDRESS = env.str("CHECKOUT_BILLING_ADDRESS", default="")
CHECKOUT_TERMS = env.bool("CHECKOUT_TERMS", default=False)
CHECKOUT_TERMS_TEXT = env.str("CHECKOUT_TERMS_TEXT", default="")
CHECKOUT_LOCALE = env.str("CHECKOUT_LOCALE", default="")
# One pack by its Stripe price id, or several as JSON; see `.env.example` and `billing/packs.py`.
STRIPE_PRICE_ID = env.str("STRIPE_PRICE_ID", default="")
CREDIT_PACKS = env.json("CREDIT_PACKS", default=[])
# At so many credits or fewer a member is low: the page says so, and a mail, once at each crossing. 0: never.
LOW_BALANCE_CREDITS = env.int("LOW_BALANCE_CREDITS", default=3)
# Given once to each mailbox, at its first sign-in.
WELCOME_CREDITS = env.int("WELCOME_CREDITS", default=0)
# Checkouts made before this day (in UTC) are credited without a seal, see `billing/seals.py`; by default none.
UNSEALED_CHECKOUTS_UNTIL = date.fromisoformat(env.str("UNSEALED_CHECKOUTS_UNTIL", default="1970-01-01"))

# Haikus --------------------------------------------------------------------------------------------------

HAIKU_GENERATOR = env.str("HAIKU_GENERATOR", default="haikus.generators.sample.compose")
LANGUAGE_MODEL_BASE_URL = env.str("LANGUAGE_MODEL_BASE_URL", default="")
LANGUAGE_MODEL_API_KEY = env.str("LANGUAGE_MODEL_API_KEY", default="")
LANGUAGE_MODEL = env.str("LANGUAGE_MODEL", default="")
LANGUAGE_MODEL_TIMEOUT_S = env.float("LANGUAGE_MODEL_TIMEOUT_S", default=30.0)
LANGUAGE_MODEL_MAX_TOKENS = env.int("LANGUAGE_MODEL_MAX_TOKENS", default=200)
LANGUAGE_MODEL_PRICE = Decimal(env.str("LANGUAGE_MODEL_PRICE", default="0"))
