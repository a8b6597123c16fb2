"""`npx instant-cli push` against the stand-in, with the documents of this repository."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.schema import push, read_documents
from tests.contract.conftest import require_node
from tests.contract.sdk_javascript import FOLDER
from tests.sandbox.instant.process import ROOT, Process

DOCUMENTS = ROOT / "instant"


def shape(schema: dict[str, Any]) -> dict[str, Any]:
    """A live schema without the ids that each app makes up for itself.

    The CLI also declares the `id` of each namespace required, as if a row could lack one; a schema that is
    pushed as a document does not name it.
    """

    def bare(attribute: dict[str, Any]) -> dict[str, Any]:
        left_out = {"id", "inferred-types"}
        if attribute["forward-identity"][2] == "id":
            left_out.add("required?")
        kept = {label: value for label, value in attribute.items() if label not in left_out}
        for identity in ("forward-identity", "reverse-identity"):
            if identity in kept:
                kept[identity] = kept[identity][1:]
        return kept

    return {
        "blobs": {
            name: {label: bare(each) for label, each in labels.items()}
            for name, labels in schema["blobs"].items()
        },
        "refs": {name: bare(each) for name, each in schema["refs"].items()},
    }


@contextmanager
def new_app(folder: Path) -> Iterator[tuple[Process, InstantAdmin]]:
    """A stand-in with an empty app."""
    folder.mkdir()
    process = Process(folder / "instant.sqlite3")
    process.start()
    try:
        yield process, process.admin()
    finally:
        process.stop()


def push_by_cli(process: Process, project: Path) -> None:
    """What the README tells people with Node to do, with the admin token and without a login."""
    shutil.copytree(DOCUMENTS, project / "instant")
    shutil.copy(FOLDER / "package.json", project)
    (project / "node_modules").symlink_to(FOLDER / "node_modules")
    env = os.environ | {
        "INSTANT_CLI_API_URI": process.uri,
        "INSTANT_APP_ID": process.app_id,
        "INSTANT_APP_ADMIN_TOKEN": process.admin_token,
        "INSTANT_SCHEMA_FILE_PATH": "instant/instant.schema.ts",
        "INSTANT_PERMS_FILE_PATH": "instant/instant.perms.ts",
        "HOME": str(project),
        "CI": "1",
    }
    for what in ("schema", "perms"):
        subprocess.run(  # noqa: S603 (our own command)
            [FOLDER / "node_modules" / ".bin" / "instant-cli", "push", what, "--yes"],
            cwd=project,
            env=env,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
        )


@pytest.mark.deep
def test_the_cli_pushes_what_instant_push_pushes(tmp_path: Path) -> None:
    require_node()
    with new_app(tmp_path / "theirs") as (process, theirs), new_app(tmp_path / "ours") as (_, ours):
        push_by_cli(process, tmp_path / "project")
        list(push(ours, read_documents(DOCUMENTS), dry_run=False))
        assert shape(theirs.schema()) == shape(ours.schema())
        assert theirs.perms() == ours.perms()
        assert list(push(theirs, read_documents(DOCUMENTS), dry_run=True)) == []
