"""The version that was released last beside this one, over one world: what a roll-out of several machines is.

The release is the last commit that gave CHANGELOG.md a version, so a clone needs no tags, but the history.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.db.migrations import operations as ops
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED, BooleanField, CharField, Field

from sandbox.world import HOST, ROOT, Part, World, free_port
from tests.drivers import servers
from tests.drivers.member import MemberClient
from tests.drivers.stream import StreamClient
from tests.drivers.worlds import UNLIMITED, running_world
from tests.journeys.test_buying import webhook

# Of the old version's own journeys, those that read and write most of what is stored.
JOURNEYS = ("buying", "refunds", "signing_in", "staff", "writing")
HARMLESS = (ops.CreateModel, ops.AddIndex, ops.AlterModelOptions, ops.AlterModelManagers)


def git(*arguments: str) -> bytes:
    """What git says; skips the test where there is no history."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False, timeout=60)  # noqa: S603, S607
    if done.returncode:
        pytest.skip(f"git has no history of a release: {done.stderr.decode().strip()}")
    return done.stdout


@pytest.fixture(scope="module")
def released() -> str:
    """The commit of the last release. The oldest one of a shallow clone seems to bring every line, so it is none."""
    commit = git("log", "-1", "--format=%H", r"-G^## \[[0-9]", "--", "CHANGELOG.md").decode().strip()
    git("rev-parse", "--verify", f"{commit or 'none'}^")
    return commit


@pytest.fixture
def old(released: str, tmp_path: Path) -> Path:
    """The old version's code."""
    archive, folder = tmp_path / "old.zip", tmp_path / "old"
    git("archive", f"--output={archive}", released)
    shutil.unpack_archive(archive, folder)
    return folder


# Without processes: what is added since leaves the old version what it knows


def breaks(operation: Operation, app: str, state: ProjectState) -> bool:
    """Whether the version before a migration may fail after it."""
    if isinstance(operation, ops.AddField):
        field = operation.field
        return not (field.null or field.many_to_many or field.db_default is not NOT_PROVIDED)
    if isinstance(operation, ops.AlterField):
        fields = state.models[app, operation.model_name_lower].fields
        before, after = (_stored(each) for each in (fields[operation.name], operation.field))
        return after not in (before, {**before, "null": True})
    return not isinstance(operation, HARMLESS)


def _stored(field: Field[Any, Any]) -> dict[str, Any]:
    _, path, args, kwargs = field.deconstruct()
    kept = {name: value for name, value in kwargs.items() if name not in field.non_db_attrs}
    return {"path": path, "args": args, **kept}


def test_migrations_since_the_release_only_add(released: str) -> None:
    known = set(git("ls-tree", "-r", "--name-only", released).decode().split())
    loader = MigrationLoader(None)
    found = []
    for (app, name), migration in loader.disk_migrations.items():
        path = f"{app}/migrations/{name}.py"
        if not (ROOT / path).exists() or path in known:
            continue
        state, made = loader.project_state((app, name), at_end=False), set[str]()
        for operation in migration.operations:
            if isinstance(operation, ops.CreateModel):
                made.add(operation.name_lower)
            elif getattr(operation, "model_name_lower", "") not in made and breaks(operation, app, state):
                found.append(f"{path}: {operation.describe()}")
            operation.state_forwards(app, state)
    assert found == []


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (ops.AddField("attention", "x", BooleanField(null=True)), False),
        (ops.AddField("attention", "x", BooleanField(db_default=False)), False),
        (ops.AddField("attention", "x", BooleanField(default=False)), True),
        (ops.AlterField("attention", "kind", CharField(max_length=40, choices=[("x", "X")])), False),
        (ops.AlterField("attention", "kind", CharField(max_length=40, null=True)), False),
        (ops.AlterField("attention", "kind", CharField(max_length=30)), True),
        (ops.RemoveField("attention", "kind"), True),
        (ops.RenameField("attention", "kind", "what"), True),
        (ops.DeleteModel("attention"), True),
        (ops.RunPython(ops.RunPython.noop), True),
    ],
    ids=lambda value: value.describe() if isinstance(value, Operation) else None,
)
def test_what_the_old_version_may_not_know_is_told_from_what_it_need_not(
    operation: Operation, expected: bool
) -> None:
    state = MigrationLoader(None).project_state(("billing", "0009_last_audit"))
    assert breaks(operation, "billing", state) is expected


def test_settings_since_the_release_are_only_added(released: str) -> None:
    """Both versions read one `.env`, so what the old one reads has to be explained for as long as it runs."""

    def names(text: str) -> set[str]:
        return {
            line.partition("=")[0].strip("# ")
            for line in text.splitlines()
            if "=" in line and " " not in line
        }

    before = names(git("show", f"{released}:.env.example").decode())
    assert len(before) > 50
    assert before - names((ROOT / ".env.example").read_text()) == set()


# With processes, on PostgreSQL and Redis


@pytest.fixture
def world(old: Path, tmp_path: Path) -> Iterator[World]:
    """A site of the old version, with the environment of this one."""
    if not servers.DATABASE:
        pytest.skip("TEST_DATABASE_URL names no PostgreSQL")
    with running_world(tmp_path / "world", env=UNLIMITED, code=old, deliver_webhooks=False) as world:
        yield world


def test_old_and_new_serve_the_same_people_and_the_old_one_goes_on_alone(
    world: World, old: Path, tmp_path: Path
) -> None:
    before = MemberClient.at(world).sign_in()
    before.sync(before.buy())
    # As docs/deploy.md says: schema, tables, machines. Each machine has static files of its own.
    world.code, world.site_env["STATIC_ROOT"] = ROOT, str(tmp_path / "static")
    for command in (["instant_push"], ["migrate"], ["collectstatic", "--noinput"]):
        world.manage(*command)
    port = free_port()
    new = Part(
        "The new site",
        [sys.executable, "manage.py", "serve", "--host", HOST, "--port", str(port)],
        env=world.site_env,
        url=f"http://{HOST}:{port}",
        log=tmp_path / "new.log",
    )
    new.start()
    try:
        new.await_answer("/readyz")
        after = MemberClient(new.url, world.mail_dir).sign_in()
        world.site_urls.append(new.url)
        for member, credits in ((before, 10), (after, 0)):
            at_both = [member.tab(url) for url in world.site_urls]
            with ExitStack() as stack:
                streams = [stack.enter_context(StreamClient(tab)) for tab in at_both]
                for here, there in ((0, 1), (1, 0)):
                    assert webhook(world, at_both[here].buy(), site=there).status_code == 200
                    assert at_both[there].write().status_code == 201
                    credits += 9
                    for stream in streams:
                        stream.await_credits(credits)
                assert [len(tab.haikus()) for tab in at_both] == [2, 2]
        world.manage("audit_credits")
    finally:
        new.stop()
    world.code = old
    for member, credits in ((before, 28), (after, 18)):
        back = member.tab(world.site_url)
        assert (back.credits(), back.write().status_code, back.credits()) == (credits, 201, credits - 1)
    world.manage("reconcile_credits")
    world.manage("audit_credits")


@pytest.mark.timeout(600)
def test_the_old_versions_journeys_go_well_on_the_new_tables_and_the_new_schema(old: Path) -> None:
    if not servers.DATABASE:
        pytest.skip("TEST_DATABASE_URL names no PostgreSQL")
    for path in [*ROOT.glob("*/migrations/*.py"), *ROOT.glob("instant/*.json")]:
        shutil.copy(path, old / path.relative_to(ROOT))
    chosen = ("-m", "not one_process and not deep", *(f"tests/journeys/test_{name}.py" for name in JOURNEYS))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen]
    done = subprocess.run(command, cwd=old, capture_output=True, text=True, check=False, timeout=600)  # noqa: S603  our own command
    assert done.returncode == 0, done.stdout
