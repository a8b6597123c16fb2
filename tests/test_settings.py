"""What the settings promise to whoever runs the site."""

import ast
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

from django.conf import global_settings, settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher, get_hasher
from django.test import override_settings

from credits_site import settings as ours

ROOT = Path(settings.BASE_DIR)


def test_env_example_lists_exactly_the_variables_that_settings_read() -> None:
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "credits_site" / "settings.py").read_text()))
    listed = set(re.findall(r"^(?:# )?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M))
    assert listed == read


def test_every_variable_of_env_example_is_explained() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    unexplained = [
        line for before, line in itertools.pairwise(lines) if "=" in line[:30] and not before.startswith("#")
    ]
    assert [line for line in unexplained if not line.startswith("#")] == []


def test_whoever_the_site_waits_for_has_so_many_seconds() -> None:
    env = {
        "DATABASE_URL": "postgres://db.example/site?answer_timeout=60",
        "CACHE_URL": "redis://cache.example",
    }
    ask = "from credits_site.settings import *; print([s['default']['OPTIONS'] for s in (DATABASES, CACHES)])"
    done = subprocess.run(  # noqa: S603  the command is our own
        [sys.executable, "-c", ask], cwd=ROOT, env=os.environ | env, capture_output=True, check=True
    )
    assert ast.literal_eval(done.stdout.decode()) == [
        {"connect_timeout": 3, "answer_timeout": 60},
        {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    ]
    assert settings.EMAIL_TIMEOUT == 10


def test_passwords_of_staff_are_slow_to_guess() -> None:
    # The tests themselves run with others.
    hashers = getattr(ours, "PASSWORD_HASHERS", global_settings.PASSWORD_HASHERS)
    with override_settings(PASSWORD_HASHERS=hashers):
        hasher = get_hasher()
    assert isinstance(hasher, PBKDF2PasswordHasher)
    assert (hasher.algorithm, hasher.iterations >= 600_000) == ("pbkdf2_sha256", True)
