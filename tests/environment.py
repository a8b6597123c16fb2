"""The environment that the tests' own Django has; a pytest plugin, so that it is set before settings are read.

Addresses that nobody answers on: a test that talks to Instant or Stripe brings its own.
"""

import os
import sys
import tempfile

_STATIC = tempfile.TemporaryDirectory()

os.environ.update(
    DJANGO_SETTINGS_MODULE="credits_site.settings",
    SECRET_KEY="for tests only",
    DEBUG="true",  # plain static files: nobody collects them before a test
    HTTPS_ONLY="false",
    SITE_URL="",
    DATABASE_URL=os.environ.get("TEST_DATABASE_URL", "sqlite://:memory:"),
    STATIC_ROOT=_STATIC.name,
    EMAIL_URL="memorymail://",
    MAILS_AT_ONCE="false",
    HOLD_SWEEP_EVERY_S="86400",  # where a test starts the site in its own process
    CACHE_URL="locmemcache://",
    LOG_LEVEL="INFO",
    METRICS_NETWORKS="",
    METRICS_TOKEN="",
    METRICS_FOLDER="",
    SENTRY_DSN="",
    OTEL_EXPORTER_OTLP_ENDPOINT="",
    INSTANT_API_URI="http://127.0.0.1:9",
    INSTANT_APP_ID="11111111-2222-4333-8444-555555555555",
    INSTANT_APP_ADMIN_TOKEN="99999999-8888-4777-8666-555555555555",
    STRIPE_API_BASE="http://127.0.0.1:9",
    STRIPE_SECRET_KEY="sk_test_for_tests_only",
    STRIPE_WEBHOOK_SECRET="whsec_for_tests_only",
    STRIPE_PRICE_ID="price_ten",
)
os.environ.pop("CREDIT_PACKS", None)

# Where Python is asked to keep nothing compiled, each of the processes that the tests start, some hundreds, would
# compile the whole site anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
