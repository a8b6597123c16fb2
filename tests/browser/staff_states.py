"""Every page and state of one that staff can see: those that are ours, and those of Django's that lead there."""

from __future__ import annotations

import re
from base64 import b32decode
from typing import Final

from django_otp.oath import totp
from playwright.sync_api import expect

from tests.browser.stage import Go, Stage, listed
from tests.browser.states import presses
from tests.drivers.browser import BrowserMember
from tests.drivers.member import MemberClient
from tests.drivers.stripe_api import WARNED
from tests.drivers.waiting import await_that

MEMBERS: Final = "/admin/billing/member/"
STAFF_STATES: Final[dict[str, Go]] = {}
state = listed(STAFF_STATES)


def path_of(staff: MemberClient, member: MemberClient, page: str) -> str:
    """The address of a page about a member."""
    found = re.findall(rf"{MEMBERS}([0-9a-f-]{{36}})/", staff.get(f"{MEMBERS}?q={member.email}").text)
    return f"{MEMBERS}{found[0]}/{page}/"


def _page(stage: Stage, path: str) -> BrowserMember:
    return stage.shows(stage.cast.staff, path)


def _page_of(stage: Stage, member: MemberClient, page: str) -> BrowserMember:
    return _page(stage, path_of(stage.cast.staff, member, page))


def fills_in(person: BrowserMember, **fields: str) -> None:
    """Fill in the form in the middle of the page and press its main button."""
    for name, value in fields.items():
        person.page.locator(f"#content-main [name={name}]").fill(value)
    presses(person, "#content-main .submit-row [type=submit]")


@state
def staff_login(stage: Stage) -> BrowserMember:
    return stage.shows(None, "/admin/")


@state
def staff_login_refused(stage: Stage) -> BrowserMember:
    person = stage.shows(None, "/admin/login/")
    fills_in(person, username="nobody1", password="nonsense")
    expect(person.page.locator(".errornote")).to_be_visible()
    return person


@state
def staff_login_too_often(stage: Stage) -> BrowserMember:
    person = stage.shows(None, "/admin/login/")
    person.bears("status of 429")
    for _ in range(4):
        person.client.post("/admin/login/", {"username": "nobody2", "password": "nonsense"})
    fills_in(person, username="nobody2", password="nonsense")
    expect(person.page.locator("[name=username]")).to_have_count(0)
    return person


@state
def staff_front_page(stage: Stage) -> BrowserMember:
    payment = stage.stripe.payment_of(stage.cast.member().buy(card=WARNED))
    path = "/admin/billing/attention/?state=open"
    await_that(lambda: payment in stage.cast.staff.get(path).text)
    return _page(stage, "/admin/")


@state
def staff_attention(stage: Stage) -> BrowserMember:
    return _page(stage, "/admin/billing/attention/")


@state
def staff_attention_one(stage: Stage) -> BrowserMember:
    person = staff_front_page(stage).opens("/admin/billing/attention/")
    presses(person, "#result_list tbody th a")
    person.page.wait_for_url("**/change/**")
    return person


@state
def staff_attention_one_before(stage: Stage) -> BrowserMember:
    person = staff_attention_one(stage)
    presses(person, ".object-tools a")
    person.page.wait_for_url("**/history/")
    return person


@state
def staff_attention_closed(stage: Stage) -> BrowserMember:
    person = staff_front_page(stage).opens("/admin/billing/attention/?state=open")
    person.page.locator("[name=action]").select_option("close_selected")
    person.page.locator(".action-select").first.check()
    presses(person, ".actions [type=submit]")
    expect(person.page.locator(".messagelist")).to_be_visible()
    return person


@state
def staff_members(stage: Stage) -> BrowserMember:
    assert stage.cast.writer
    return _page(stage, MEMBERS)


@state
def staff_nobody_found(stage: Stage) -> BrowserMember:
    return _page(stage, f"{MEMBERS}?q=nobody@example.com")


@state
def staff_search_refused(stage: Stage) -> BrowserMember:
    return _page(stage, f"{MEMBERS}?below=nonsense")


@state
def staff_member(stage: Stage) -> BrowserMember:
    return _page_of(stage, stage.cast.writer, "change")


@state
def staff_gave(stage: Stage) -> BrowserMember:
    member = stage.cast.member()
    person = _page_of(stage, member, "grant")
    fills_in(person, credits="5", reason="An apology")
    fills_in(person)
    expect(person.page.locator(".messagelist")).to_be_visible()
    return person


@state
def staff_give(stage: Stage) -> BrowserMember:
    return _page_of(stage, stage.cast.writer, "grant")


@state
def staff_give_refused(stage: Stage) -> BrowserMember:
    person = staff_give(stage)
    fills_in(person, credits="0")
    expect(person.page.locator(".errorlist").first).to_be_visible()
    return person


@state
def staff_give_preview(stage: Stage) -> BrowserMember:
    person = staff_give(stage)
    fills_in(person, credits="25", reason="An apology for Monday")
    expect(person.page.locator("[name=confirm]")).to_have_count(1)
    return person


@state
def staff_give_much_preview(stage: Stage) -> BrowserMember:
    person = staff_give(stage)
    fills_in(person, credits="2500", reason="For the workshop")
    expect(person.page.locator("[name=credits_again]")).to_be_visible()
    return person


@state
def staff_take_preview(stage: Stage) -> BrowserMember:
    person = _page_of(stage, stage.cast.writer, "take")
    fills_in(person, credits="2", reason="Given twice")
    expect(person.page.locator("[name=confirm]")).to_have_count(1)
    return person


@state
def staff_reset(stage: Stage) -> BrowserMember:
    return _page_of(stage, stage.cast.writer, "reset")


@state
def staff_give_back(stage: Stage) -> BrowserMember:
    person = staff_member(stage)
    presses(person, "a[href*='/give-back/']")
    person.page.wait_for_url("**/give-back/**")
    return person


@state
def staff_refund(stage: Stage) -> BrowserMember:
    person = staff_member(stage)
    presses(person, "a[href*='/refund/']")
    person.page.wait_for_url("**/refund/**")
    return person


@state
def staff_give_many(stage: Stage) -> BrowserMember:
    return _page(stage, f"{MEMBERS}grant/")


@state
def staff_give_many_preview(stage: Stage) -> BrowserMember:
    person = staff_give_many(stage)
    emails = f"{stage.cast.writer.email}\nnobody@example.com\n{stage.cast.writer.email}"
    fills_in(person, members=emails, credits="5", reason="An apology for Monday")
    expect(person.page.locator("[name=confirm]")).to_have_count(1)
    return person


@state
def staff_gave_many(stage: Stage) -> BrowserMember:
    member = stage.cast.member()
    person = staff_give_many(stage)
    fills_in(person, members=f"{member.email}\nnobody@example.com", credits="5", reason="An apology")
    fills_in(person)
    expect(person.page.locator(".members__done")).to_be_visible()
    return person


@state
def staff_totals(stage: Stage) -> BrowserMember:
    assert stage.cast.writer
    return _page(stage, f"{MEMBERS}totals/")


@state
def staff_outage(stage: Stage) -> BrowserMember:
    assert stage.cast.staff
    stage.instant_faults.add("refuse", "^/admin/query$", times=None)
    return _page(stage, MEMBERS)


@state
def staff_password_again(stage: Stage) -> BrowserMember:
    staff = stage.cast.new_login()
    person = stage.shows(staff, path_of(staff, stage.cast.writer, "grant"))
    stage.cast.age_password(staff)
    fills_in(person, credits="5", reason="An apology")
    expect(person.page.locator("#id_password")).to_be_visible()
    return person


@state
def staff_two_factor(stage: Stage) -> BrowserMember:
    return _page(stage, "/admin/two-factor/")


@state
def staff_two_factor_wrong(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.newcomer(), "/admin/two-factor/")
    fills_in_code(person, "000000")
    expect(person.page.locator(".messagelist .error")).to_be_visible()
    return person


@state
def staff_two_factor_on(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.newcomer(), "/admin/two-factor/")
    key = b32decode("".join(person.page.locator(".two-factor__key").inner_text().split()))
    fills_in_code(person, f"{totp(key):06}")
    expect(person.page.locator(".two-factor__codes")).to_be_visible()
    return person


def fills_in_code(person: BrowserMember, code: str) -> None:
    """Turn two-factor login on with a code."""
    person.page.locator("[name=code]").fill(code)
    person.page.locator("[name=code]").press("Enter")


@state
def staff_password_change(stage: Stage) -> BrowserMember:
    return _page(stage, "/admin/password_change/")


@state
def staff_password_changed(stage: Stage) -> BrowserMember:
    return _page(stage, "/admin/password_change/done/")


@state
def staff_logged_out(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.newcomer(), "/admin/")
    presses(person, "#logout-form button")
    person.page.wait_for_url("**/logout/")
    return person


@state
def staff_accounts(stage: Stage) -> BrowserMember:
    return _page(stage, "/admin/auth/user/")


@state
def staff_account(stage: Stage) -> BrowserMember:
    return _page(stage, "/admin/auth/user/1/change/")


@state
def staff_account_to_add(stage: Stage) -> BrowserMember:
    return _page(stage, "/admin/auth/user/add/")


@state
def staff_account_password(stage: Stage) -> BrowserMember:
    return _page(stage, "/admin/auth/user/1/password/")


@state
def staff_account_before(stage: Stage) -> BrowserMember:
    return _page(stage, "/admin/auth/user/1/history/")


@state
def staff_account_to_delete(stage: Stage) -> BrowserMember:
    return _page(stage, "/admin/auth/user/1/delete/")


@state
def staff_groups(stage: Stage) -> BrowserMember:
    return _page(stage, "/admin/auth/group/")


@state
def staff_group_to_add(stage: Stage) -> BrowserMember:
    return _page(stage, "/admin/auth/group/add/")


@state
def staff_phones(stage: Stage) -> BrowserMember:
    return _page(stage, "/admin/otp_totp/totpdevice/")


@state
def staff_phone_to_add(stage: Stage) -> BrowserMember:
    return _page(stage, "/admin/otp_totp/totpdevice/add/")


@state
def staff_phone(stage: Stage) -> BrowserMember:
    staff_two_factor_on(stage)
    person = _page(stage, "/admin/otp_totp/totpdevice/")
    presses(person, "#result_list tbody th a")
    person.page.wait_for_url("**/change/")
    return person


@state
def staff_app(stage: Stage) -> BrowserMember:
    return _page(stage, "/admin/billing/")


@state
def staff_without_permissions(stage: Stage) -> BrowserMember:
    return stage.shows(stage.cast.newcomer(), "/admin/")


@state
def staff_not_allowed(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.newcomer(), "/admin/")
    person.bears("status of 403")
    return person.opens(MEMBERS)


@state
def staff_not_found(stage: Stage) -> BrowserMember:
    return _page(stage, "/admin/there-is-nothing-here/")
