"""Imports point one way: views to verbs, verbs to the gateway and the balance store, those to the client."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
# What of `instant_admin` anybody could use who keeps no credits.
CLIENT = (
    "app_documents",
    "client",
    "errors",
    "event_stream",
    "files",
    "people",
    "perms_check",
    "steps",
    "subscriptions",
    "transport",
    "types",
    "wire",
)
PRODUCT = ("credits_site", "accounts", "billing", "haikus", "instant_admin")
SOURCES = [path.relative_to(ROOT) for folder in PRODUCT for path in sorted((ROOT / folder).rglob("*.py"))]


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def who_imports(name: str) -> set[str]:
    return {
        str(path)
        for path in SOURCES
        if any(found == name or found.startswith(name + ".") for found in imports_of(path))
    }


def test_there_is_something_to_look_at() -> None:
    assert len(SOURCES) > 20


def test_only_the_connection_imports_stripe() -> None:
    assert who_imports("stripe") == {"billing/stripe_connection.py"}


def test_only_the_transport_and_the_client_import_requests() -> None:
    assert who_imports("requests") <= {"instant_admin/transport.py", "instant_admin/client.py"}


def test_no_product_code_imports_or_names_the_sandbox() -> None:
    assert who_imports("sandbox") == set()
    naming = [str(path) for path in SOURCES if "sandbox" in (ROOT / path).read_text().lower()]
    # A check's remedy may tell a person about it.
    assert naming == ["instant_admin/checks.py"]


def test_billing_and_haikus_stand_side_by_side() -> None:
    assert {path for path in who_imports("billing") if path.startswith("haikus/")} == set()
    assert {path for path in who_imports("haikus") if path.startswith("billing/")} == set()


@pytest.mark.parametrize(
    "view", ["accounts/views.py", "billing/views.py", "billing/admin.py", "haikus/views.py"]
)
def test_views_know_neither_stripe_nor_instant(view: str) -> None:
    for name in ("stripe", "requests", "instant_admin", "billing.stripe_gateway", "billing.stripe_seller"):
        assert view not in who_imports(name)


@pytest.mark.parametrize("module", [*CLIENT, "ledger", "ledger_rows", "balance_store", "schema"])
def test_the_instant_client_and_the_ledger_know_no_django(module: str) -> None:
    assert f"instant_admin/{module}.py" not in who_imports("django")


@pytest.mark.parametrize("module", CLIENT)
def test_the_instant_client_knows_no_credits(module: str) -> None:
    path = f"instant_admin/{module}.py"
    assert path not in who_imports("instant_admin.ledger")
    assert path not in who_imports("instant_admin.ledger_rows")
    assert path not in who_imports("instant_admin.balance_store")


def test_the_rules_of_credit_know_nothing_but_values() -> None:
    outside = {name.partition(".")[0] for name in imports_of(Path("instant_admin/ledger.py"))}
    assert outside <= {
        "__future__",
        "abc",
        "dataclasses",
        "datetime",
        "enum",
        "uuid",
        "collections",
        "typing",
    }


def test_only_settings_read_the_environment() -> None:
    readers = who_imports("environ") | {path for path in who_imports("os") if path != "credits_site/asgi.py"}
    assert readers == {"credits_site/settings.py"}
