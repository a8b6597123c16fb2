"""Out of an app, into a folder: again and again while it is in use, and a last time when it is frozen.

The ledger is only added to, so its file is too: each time what is new. Everything else is written anew, since it
changes. What a kill leaves half written is finished by the next time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.paging import by_age, by_arrival
from instant_admin.moving.rows import Line, Namespace, Sums, lines_in, written

# An entry may be seen so much later than one with a later time: clocks differ by a minute, and a write takes a while.
OVERLAP_MS: Final = 120_000


def export(
    instant: InstantAdmin, folder: Path, namespaces: Sequence[Namespace], *, looked_at: Callable[[], object]
) -> Sums:
    """Bring the files of `folder` up to what the app has now, and say what that comes to.

    Raises `InstantError`; then, or after a kill, do it again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sums = Sums()
    for namespace in namespaces:
        write = _append if namespace.is_only_added_to else _replace
        for line in write(instant, namespace, namespace.file_in(folder)):
            sums.count(namespace, line)
            looked_at()
    return sums


def _append(instant: InstantAdmin, namespace: Namespace, path: Path) -> Iterator[Line]:
    _drop_half_a_line(path)
    newest_ms = max((line["createdAt"] for line in lines_in(path)), default=0)
    recent = set()
    for line in lines_in(path):
        yield line
        if line["createdAt"] >= newest_ms - OVERLAP_MS:
            recent.add(line["id"])
    since = [{"createdAt": {"$gte": newest_ms - OVERLAP_MS}}] if recent else []
    with path.open("ab") as file:
        for row in by_age(instant, namespace.name, since):
            if row["id"] not in recent:
                line = namespace.line_of(row)
                file.write(written(line))
                yield line


def _replace(instant: InstantAdmin, namespace: Namespace, path: Path) -> Iterator[Line]:
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        for page in by_arrival(instant, namespace.name):
            for row in page:
                line = namespace.line_of(row)
                file.write(written(line))
                yield line
    fresh.replace(path)


def _drop_half_a_line(path: Path) -> None:
    """What a kill has cut off."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        whole = 0
        for line in file:
            if not line.endswith(b"\n"):
                file.truncate(whole)
                return
            whole += len(line)
