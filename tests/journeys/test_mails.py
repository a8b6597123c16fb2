"""Mails of a whole site, from processes that answer requests to the mailbox."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

from sandbox.world import World
from tests.drivers.member import MemberClient
from tests.drivers.waiting import await_that


def subjects(member: MemberClient) -> list[str]:
    found = re.findall(r"^Subject: (.+)$", "".join(member.mails()), re.M)
    return [subject for subject in found if "sign-in code" not in subject]


def test_processes_that_settle_at_once_send_one_receipt_each_purchase_without_a_command(
    world: World, ada: MemberClient
) -> None:
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
    # What others left in this world may wait for longer.
    await_that(lambda: not world.manage("send_mails").stdout.startswith(tuple("123456789")))
    assert subjects(ada) == ["You bought 10 credits"] * 3
    assert "Content-Type: text/html" in ada.mails()[-1]
