"""What is in `deploy/`, read as the tools that it is for read it, as far as that takes no tool."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = (DEPLOY / "compose.yaml").read_text()
SERVES = "serve --host 0.0.0.0"
# What whoever sets up the containers fills in.
FILLED_IN = {
    "SITE_DB_PASSWORD": "a1b2c3",
    "INSTANT_DB_PASSWORD": "d4e5f6",
    "INSTANT_SUPERUSER_EMAIL": "owner@example.com",
    "SITE_URL": "https://credits.example.com",
    "SECRET_KEY": "0123456789abcdefghij" * 3,
    "CONTACT_EMAIL": "shop@example.com",
    "REFUND_POLICY_URL": "https://example.com/refunds",
    "TERMS_URL": "https://example.com/terms",
    "PRIVACY_URL": "https://example.com/privacy",
    "EMAIL_URL": "smtp+tls://user:password@smtp.example.com:587",
    "INSTANT_APP_ID": "11111111-2222-4333-8444-555555555555",
    "INSTANT_APP_ADMIN_TOKEN": "99999999-8888-4777-8666-555555555555",
    "STRIPE_SECRET_KEY": "sk_test_for_tests_only",
    "STRIPE_WEBHOOK_SECRET": "whsec_for_tests_only",
    "CREDIT_PACKS": '[{"price": "price_ten", "credits": 10, "name": "Ten haikus"}]',
}


def tool(name: str) -> str:
    """Where a program is; skips the test without it, and fails it where REQUIRE_DEPLOY_TOOLS names it."""
    found = shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if found is None and name in os.environ.get("REQUIRE_DEPLOY_TOOLS", "").split():
        pytest.fail(f"{name} is not installed, and REQUIRE_DEPLOY_TOOLS names it", pytrace=False)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def instructions() -> Iterator[tuple[str, str]]:
    """Each instruction of the Dockerfile, and what it is about."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.M).replace("\\\n", " ")
    for line in filter(None, text.splitlines()):
        verb, _, rest = line.partition(" ")
        yield verb, rest.strip()


def instruction(verb: str) -> str:
    """What the last instruction of this kind is about."""
    return [rest for found, rest in instructions() if found == verb][-1]


def build(folder: Path) -> None:
    """Copy into `folder` what the image has of the project."""
    for verb, rest in instructions():
        if verb == "COPY":
            *sources, target = rest.split()
            for source in sources:
                _copy(ROOT / source, folder / target)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.mkdir(exist_ok=True)
        shutil.copy(source, target)


def env_example() -> dict[str, str]:
    """What stands in compose.env.example."""
    lines = (DEPLOY / "compose.env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def compose(env: Mapping[str, str]) -> dict[str, Any]:
    """compose.yaml with the variables that Compose puts into it."""

    def value(match: re.Match[str]) -> str:
        name, _, otherwise = match[1].partition(":-")
        return env.get(name.removesuffix(":?"), otherwise)

    loaded: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{([^}]+)\}", value, COMPOSE))
    return loaded


def site_environment(env: Mapping[str, str]) -> dict[str, str]:
    """What the site's container has in its environment."""
    return {**env, **compose(env)["services"]["site"]["environment"]}
