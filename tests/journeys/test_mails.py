"""Mails of a whole site, from processes that answer requests to the mailbox."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.drivers.member import MemberClient
from tests.drivers.waiting import await_that
from tests.drivers.worlds import running_world


def subjects(member: MemberClient) -> list[str]:
    found = re.findall(r"^Subject: (.+)$", "".join(member.mails()), re.M)
    return [subject for subject in found if "sign-in code" not in subject]


@pytest.mark.deep
def test_processes_that_settle_at_once_send_one_receipt_each_purchase_without_a_command(
    stack: ExitStack, tmp_path: Path
) -> None:
    # A world of its own: what fails in another test waits for minutes.
    world = stack.enter_context(running_world(tmp_path, site_ports=(0, 0)))
    ada = MemberClient.at(world).sign_in()
    tabs = [ada.tab(url) for url in world.site_urls]
    checkouts = [ada.buy() for _ in range(3)]
    with ThreadPoolExecutor(6) as pool:
        settled = [pool.submit(tab.sync, checkout) for checkout in checkouts for tab in tabs]
    assert {each.result().status_code for each in settled} == {200}
    await_that(lambda: len(subjects(ada)) == 3)
    assert ada.credits() == 30
    world.manage("reconcile_credits")
    world.manage("reconcile_credits")
    # A mail is in the mailbox a moment before its row says so.
    await_that(lambda: world.manage("send_mails").stdout == "")
    assert subjects(ada) == ["You bought 10 credits"] * 3
    assert "Content-Type: text/html" in ada.mails()[-1]
