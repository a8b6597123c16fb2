"""Imports run one way down, and nothing is there that must not be."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
# From the roof to the ground: each imports only those that stand after it.
LAYERS = ("haikus", "billing", "accounts", "credits_site", "instant_admin")
SOURCES = [path.relative_to(ROOT) for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    """All nodes of a file's syntax."""
    return list(ast.walk(ast.parse((ROOT / path).read_text())))


@cache
def imports_of(path: Path) -> list[str]:
    """Every module and name that a file imports, inside functions too."""
    names: list[str] = []
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def importers_of(name: str) -> set[str]:
    return {
        str(path)
        for path in SOURCES
        if any(found == name or found.startswith(f"{name}.") for found in imports_of(path))
    }


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_layers_below_it(layer: str) -> None:
    allowed = LAYERS[LAYERS.index(layer) :]
    wrong = [
        f"{path} imports {name}"
        for path in SOURCES
        if path.parts[0] == layer
        for name in imports_of(path)
        if name.partition(".")[0] in {*LAYERS, "sandbox", "benchmarks", "tests"} - set(allowed)
    ]
    assert wrong == []


def test_the_client_knows_neither_django_nor_credits_and_the_ledger_no_django() -> None:
    assert not [path for path in importers_of("instant_admin.ledger") if "/client/" in path]
    assert not [
        path
        for path in importers_of("django")
        if path.startswith(("instant_admin/client", "instant_admin/ledger"))
    ]


@pytest.mark.parametrize(
    ("library", "room"),
    [
        ("stripe", "billing/stripe_api/"),
        ("requests", "instant_admin/client/"),
        ("environ", "credits_site/settings.py"),
        ("prometheus_client", "credits_site/metrics.py"),
        ("sentry_sdk", "credits_site/error_reports.py"),
        ("opentelemetry", "credits_site/tracing.py"),
    ],
)
def test_a_library_of_one_room_is_imported_nowhere_else(library: str, room: str) -> None:
    found = importers_of(library)
    assert found
    assert all(path.startswith(room) for path in found)


def test_views_ask_no_outside_service_themselves() -> None:
    views = {str(path) for path in SOURCES if path.name == "views.py"}
    assert len(views) == 6
    for name in ("stripe", "requests", "instant_admin", "billing.stripe_api"):
        assert not views & importers_of(name)


@pytest.mark.parametrize(
    "library",
    ["ctypes", "lxml", "marshal", "multiprocessing", "pickle", "shelve", "subprocess", "xml", "yaml"],
)
def test_nothing_runs_another_program_or_reads_what_can_run(library: str) -> None:
    assert importers_of(library) == set()


def test_nothing_runs_a_text() -> None:
    called = {
        f"{path} calls {ast.unparse(node.func)}"
        for path in SOURCES
        for node in nodes_of(path)
        if isinstance(node, ast.Call)
    }
    assert len(called) > 1000
    assert not [
        call
        for call in called
        if re.search(
            r" (eval|exec|compile|mark_safe|Template|[\w.]*\.from_string|os\.(system|popen|exec\w+))$", call
        )
    ]


def test_what_must_not_be_guessed_is_left_to_no_mere_chance() -> None:
    assert importers_of("random") == {
        "billing/counter/stream.py",
        "haikus/generators/sample.py",
        "haikus/store.py",
        "instant_admin/ledger/feed.py",
        "instant_admin/ledger/store.py",
    }
    assert {"accounts/browsers.py", "accounts/codes.py"} <= importers_of("secrets")


def test_a_server_needs_none_of_the_packages_of_the_stand_ins_and_the_tests() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for_others = {re.split(r"[>=<\[]", package)[0] for packages in extras.values() for package in packages}
    locked = set(
        re.findall(r"^([\w.-]+)==", (ROOT / "requirements-production.lock").read_text(), re.MULTILINE)
    )
    assert {"django", "stripe"} <= locked
    assert {"jinja2", "pytest"} <= for_others
    assert locked & for_others == set()
