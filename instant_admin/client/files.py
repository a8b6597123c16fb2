"""Files in Instant's storage: the part of the client that puts and removes them.

Their rows are entities of `$files`: ask for `path`, `size` and `url` (a signed link) with a query.
"""

from __future__ import annotations

from collections.abc import Sequence

from instant_admin.client import protocol
from instant_admin.client.protocol import Call
from instant_admin.client.transport import Transport


class Files:
    """A part of `InstantAdmin`. Source: the `/admin/storage` routes."""

    _transport: Transport

    def upload_file(
        self,
        path: str,
        content: bytes,
        *,
        content_type: str = "application/octet-stream",
        content_disposition: str | None = None,
    ) -> str:
        """Put a file at `path`, in place of what is there; returns the id of its `$files` row."""
        headers = {"path": path, "Content-Type": content_type}
        if content_disposition is not None:
            headers["Content-Disposition"] = content_disposition
        call = Call("PUT", "/admin/storage/upload", content=content, headers=headers, effect="same")
        return self._id_of(call)

    def delete_file(self, path: str) -> str | None:
        """Remove the file at `path`; returns the id of the row it had, if there was one."""
        call = Call("DELETE", "/admin/storage/files", params={"filename": path}, effect="same")
        answer = self._transport.send(call).get("data")
        return str(answer["id"]) if isinstance(answer, dict) and answer.get("id") else None

    def delete_files(self, paths: Sequence[str]) -> list[str]:
        """Remove several files; returns the ids of the rows they had."""
        call = Call("POST", "/admin/storage/files/delete", {"filenames": list(paths)}, effect="same")
        answer = self._transport.send(call).get("data")
        return [str(each) for each in answer["ids"]] if isinstance(answer, dict) and "ids" in answer else []

    def _id_of(self, call: Call) -> str:
        answer = self._transport.send(call).get("data")
        if not isinstance(answer, dict) or not answer.get("id"):
            raise protocol.nonsense("an upload without an id")
        return str(answer["id"])
