"""The client on the wire: what it sends, and what it makes of what comes back or does not."""

import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
import requests
from responses import RequestsMock, matchers

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.errors import InstantBroken, InstantUnreachable, NoSuchRoute
from instant_admin.client.steps import create, delete, link, unlink, update
from instant_admin.client.transport import default_adapter
from tests.drivers.instant import refused
from tests.instant_admin.client.wires import APP, ID, REFRESH, TOKEN, URI

ADA = {"id": str(ID), "email": "ada@example.com", "refresh_token": REFRESH}


def body_of(wire: RequestsMock) -> Any:
    return json.loads(wire.calls[-1].request.body or "")


def test_a_query_is_sent_as_admin_with_a_timeout(wire: RequestsMock, instant: InstantAdmin) -> None:
    wire.post(
        f"{URI}/admin/query",
        json={"haikus": []},
        match=[
            matchers.header_matcher({"App-Id": APP, "Authorization": f"Bearer {TOKEN}"}),
            matchers.json_params_matcher({"query": {"haikus": {}}}),
            matchers.request_kwargs_matcher({"timeout": (3.05, 10.0)}),
        ],
    )
    assert instant.query({"haikus": {}}) == {"haikus": []}


@pytest.mark.parametrize(
    ("who", "header"), [("a member", {"As-Token": REFRESH}), ("a guest", {"As-Guest": "true"})]
)
def test_as_somebody_else_the_admin_token_stays_at_home(
    wire: RequestsMock, instant: InstantAdmin, who: str, header: dict[str, str]
) -> None:
    wire.post(f"{URI}/admin/query", json={"haikus": []}, match=[matchers.header_matcher(header)])
    (instant.as_member(REFRESH) if who == "a member" else instant.as_guest()).query({"haikus": {}})
    assert "Authorization" not in wire.calls[0].request.headers


def test_as_the_member_with_an_email_the_admin_token_goes_along(
    wire: RequestsMock, instant: InstantAdmin
) -> None:
    header = {"As-Email": "ada@example.com", "Authorization": f"Bearer {TOKEN}"}
    wire.post(f"{URI}/admin/query", json={"haikus": []}, match=[matchers.header_matcher(header)])
    instant.as_email("ada@example.com").query({"haikus": {}})


def test_a_netrc_entry_does_not_replace_the_token(
    wire: RequestsMock, instant: InstantAdmin, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine instant.test login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    wire.get(f"{URI}/admin/schema", json={"schema": {}})
    instant.schema()
    assert wire.calls[0].request.headers["Authorization"] == f"Bearer {TOKEN}"


def test_rules_are_tried_with_the_admin_token_and_nothing_is_kept(
    wire: RequestsMock, instant: InstantAdmin
) -> None:
    url = f"{URI}/admin/transact_perms_check"
    wire.post(url, json={"all-checks-ok?": False})
    assert not instant.as_member(REFRESH).may_transact([delete("haikus", ID)])
    assert wire.calls[0].request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert body_of(wire)["dangerously-commit-tx"] is False
    wire.replace("POST", url, json={"all-checks-ok?": None})
    with pytest.raises(InstantBroken):
        instant.as_guest().may_transact([])


def test_a_route_that_the_server_does_not_have_is_no_success(
    wire: RequestsMock, instant: InstantAdmin
) -> None:
    wire.post(f"{URI}/admin/transact", body=b"", status=200)
    with pytest.raises(NoSuchRoute) as raised:
        instant.transact([])
    assert not raised.value.may_have_been_written


def test_a_transaction_never_makes_up_attributes(wire: RequestsMock, instant: InstantAdmin) -> None:
    wire.post(f"{URI}/admin/transact", json={"tx-id": 7})
    steps = [create("haikus", ID, {"topic": "rain"}), link("haikus", ID, {"author": ID})]
    assert instant.transact(steps) == 7
    assert body_of(wire) == {
        "steps": [
            ["create", "haikus", str(ID), {"topic": "rain"}],
            ["link", "haikus", str(ID), {"author": str(ID)}],
        ],
        "throw-on-missing-attrs?": True,
    }


def test_every_kind_of_step_has_instants_form() -> None:
    assert [
        update("n", ID, {"a": 1}),
        update("n", ID, {"a": 1}, upsert=False),
        delete("n", ID),
        unlink("n", ID, {"l": [ID, ID]}),
    ] == [
        ["update", "n", str(ID), {"a": 1}],
        ["update", "n", str(ID), {"a": 1}, {"upsert": False}],
        ["delete", "n", str(ID)],
        ["unlink", "n", str(ID), {"l": [str(ID), str(ID)]}],
    ]


@pytest.mark.parametrize(
    ("failure", "doubt"),
    [
        (refused(), False),
        (requests.ConnectTimeout(), False),
        (requests.ConnectionError("connection aborted"), True),
        (requests.ReadTimeout(), True),
        (requests.exceptions.ChunkedEncodingError("half a body"), True),
    ],
)
def test_a_write_without_an_answer_is_sent_once_and_says_whether_it_may_have_arrived(
    wire: RequestsMock, instant: InstantAdmin, failure: Exception, doubt: bool
) -> None:
    wire.post(f"{URI}/admin/transact", body=failure)
    with pytest.raises(InstantUnreachable) as raised:
        instant.transact([])
    assert raised.value.may_have_been_written is doubt
    assert len(wire.calls) == 1


def test_a_question_is_asked_again_when_the_connection_breaks(
    wire: RequestsMock, instant: InstantAdmin, pauses: list[float]
) -> None:
    wire.post(f"{URI}/admin/query", body=requests.ConnectionError("aborted"))
    wire.post(f"{URI}/admin/query", body=requests.ConnectionError("aborted"))
    wire.post(f"{URI}/admin/query", json={"haikus": []})
    assert instant.query({"haikus": {}}) == {"haikus": []}
    assert pauses == [0.1, 0.5]


@pytest.mark.parametrize(
    "failures",
    [[requests.ConnectionError("aborted")] * 3, [requests.ReadTimeout()]],
    ids=["in the end", "after a timeout"],
)
def test_a_question_is_given_up_and_leaves_no_doubt(
    wire: RequestsMock, instant: InstantAdmin, failures: list[Exception]
) -> None:
    for failure in failures:
        wire.post(f"{URI}/admin/query", body=failure)
    with pytest.raises(InstantUnreachable) as raised:
        instant.query({})
    assert not raised.value.may_have_been_written
    assert len(wire.calls) == len(failures)


def test_neither_the_log_nor_an_error_holds_a_token_an_email_or_a_code(
    wire: RequestsMock, instant: InstantAdmin, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = f"{URI}/admin/users"
    for _ in range(3):
        wire.delete(url, body=requests.ConnectionError(f"DELETE {url}?email=ada@example.com&token={REFRESH}"))
    with pytest.raises(InstantUnreachable) as raised:
        instant.delete_user(email="ada@example.com")
    exc = raised.value
    logged = caplog.text + str(exc) + repr(exc.__context__ if exc.__cause__ else "")
    assert "DELETE /admin/users" in logged
    for secret in (TOKEN, REFRESH, "ada@example.com"):
        assert secret not in logged


class Answering(BaseHTTPRequestHandler):
    """Answers every POST with an empty tree, and notes each connection."""

    protocol_version = "HTTP/1.1"
    peers: ClassVar[set[Any]] = set()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.peers.add(self.client_address)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args: Any) -> None:
        """Nothing to say."""


def test_connections_are_kept_for_the_next_call_of_any_thread() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        adapter = default_adapter()
        uri = f"http://127.0.0.1:{server.server_port}"
        instant = InstantAdmin(api_uri=uri, app_id=APP, admin_token=TOKEN, adapter=adapter)
        for _ in range(3):
            thread = threading.Thread(target=instant.query, args=[{}])
            thread.start()
            thread.join()
        adapter.close()
        server.shutdown()
    assert len(Answering.peers) == 1


@pytest.mark.parametrize("verify", [True, "/etc/ours.pem"])
def test_nothing_of_the_environment_changes_where_a_call_goes_or_whom_it_trusts(
    wire: RequestsMock, monkeypatch: pytest.MonkeyPatch, verify: bool | str
) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "NETRC"):
        monkeypatch.setenv(name, "http://elsewhere.test")
    asked = matchers.request_kwargs_matcher({"verify": verify, "timeout": (3.05, 10.0), "stream": False})
    wire.post(f"{URI}/admin/query", json={}, match=[asked])
    InstantAdmin(api_uri=URI, app_id=APP, admin_token=TOKEN, verify=verify).query({})
    assert "proxies" not in wire.calls[0].request.req_kwargs  # type: ignore[attr-defined]


# Signing in and out


def test_a_code_and_an_email_are_traded_for_a_token(wire: RequestsMock, instant: InstantAdmin) -> None:
    wire.post(f"{URI}/admin/verify_magic_code", json={"user": ADA, "created": True})
    assert instant.verify_magic_code("ada@example.com", "012345") == {"user": ADA, "created": True}
    assert body_of(wire) == {"email": "ada@example.com", "code": "012345"}
    wire.post(f"{URI}/admin/refresh_tokens", json={"user": ADA, "created": False})
    assert instant.create_token(email="ada@example.com")["user"]["refresh_token"] == REFRESH
    assert body_of(wire) == {"email": "ada@example.com"}


def test_signing_out_names_the_token(wire: RequestsMock, instant: InstantAdmin) -> None:
    wire.post(f"{URI}/admin/sign_out", json={"ok": True})
    instant.sign_out(REFRESH)
    assert body_of(wire) == {"refresh_token": REFRESH}


@pytest.mark.parametrize("name", [{"email": "ada@example.com"}, {"user_id": ID}])
def test_a_user_is_deleted_by_one_name(
    wire: RequestsMock, instant: InstantAdmin, name: dict[str, Any]
) -> None:
    asked = {label.removeprefix("user_"): str(value) for label, value in name.items()}
    wire.delete(f"{URI}/admin/users", json={"deleted": ADA}, match=[matchers.query_param_matcher(asked)])
    assert instant.delete_user(**name) == ADA
