"""Files, rooms and what was deleted, on the wire."""

import json
from typing import Any

import pytest
import requests
import responses
from responses import matchers

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.errors import InstantBroken
from tests.instant_admin.client.wires import ID, TOKEN, URI


def test_a_file_goes_up_as_it_is_and_again_when_the_connection_breaks(
    wire: responses.RequestsMock, instant: InstantAdmin
) -> None:
    wire.put(f"{URI}/admin/storage/upload", body=requests.ConnectionError("aborted"))
    headers = {
        "path": "poems/rain.txt",
        "Content-Type": "text/plain",
        "Content-Length": "5",
        "Content-Disposition": "inline",
        "Authorization": f"Bearer {TOKEN}",
    }
    wire.put(
        f"{URI}/admin/storage/upload",
        json={"data": {"id": str(ID), "size": 5}},
        match=[matchers.header_matcher(headers)],
    )
    file_id = instant.upload_file(
        "poems/rain.txt", b"drops", content_type="text/plain", content_disposition="inline"
    )
    assert file_id == str(ID)
    assert wire.calls[-1].request.body == b"drops"


def test_an_upload_without_an_id_is_nonsense(wire: responses.RequestsMock, instant: InstantAdmin) -> None:
    wire.put(f"{URI}/admin/storage/upload", json={"data": None})
    with pytest.raises(InstantBroken):
        instant.upload_file("a", b"")


@pytest.mark.parametrize(("data", "found"), [({"id": str(ID)}, str(ID)), (None, None), ({"id": None}, None)])
def test_a_file_is_deleted_by_its_path(
    wire: responses.RequestsMock, instant: InstantAdmin, data: Any, found: str | None
) -> None:
    match = [matchers.query_param_matcher({"filename": "a b.txt"})]
    wire.delete(f"{URI}/admin/storage/files", json={"data": data}, match=match)
    assert instant.delete_file("a b.txt") == found


def test_several_files_are_deleted_at_once(wire: responses.RequestsMock, instant: InstantAdmin) -> None:
    wire.post(f"{URI}/admin/storage/files/delete", json={"data": {"ids": [str(ID)]}})
    assert instant.delete_files(("a", "b")) == [str(ID)]
    assert json.loads(wire.calls[0].request.body or "") == {"filenames": ["a", "b"]}


def test_an_empty_room_has_nobody_in_it(wire: responses.RequestsMock, instant: InstantAdmin) -> None:
    match = [matchers.query_param_matcher({"room-type": "desk", "room-id": "7"})]
    wire.get(f"{URI}/admin/rooms/presence", json={"sessions": None}, match=match)
    assert instant.presence("7", room_type="desk") == {}


def test_a_room_has_its_peers_by_session(wire: responses.RequestsMock, instant: InstantAdmin) -> None:
    peer = {"peer-id": "p", "user": None, "data": {"typing": True}}
    wire.get(f"{URI}/admin/rooms/presence", json={"sessions": {"s": peer}})
    assert instant.presence("7") == {"s": peer}


def test_deleted_attributes_are_listed(wire: responses.RequestsMock, instant: InstantAdmin) -> None:
    wire.get(f"{URI}/admin/soft_deleted_attrs", json={"attrs": [{"id": "a"}], "grace-period-days": 2})
    assert instant.deleted_attributes() == [{"id": "a"}]
