"""The staff's list of what needs attention."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.members import Member
from billing.models import Attention
from tests.billing.staff.conftest import browser_of_staff
from tests.drivers.signed_in import browser_of
from tests.drivers.site import LoopbackSite

pytestmark = pytest.mark.django_db

LIST = "/admin/billing/attention/"


@pytest.fixture
def warned(site: LoopbackSite, bought: str) -> Attention:
    """The note of a warning about the purchase of ten credits."""
    site.warn(bought)
    site.deliver_all()
    return Attention.objects.get()


def page_of(noted: Attention) -> str:
    return f"{LIST}{noted.pk}/change/"


def press_close(browser: Client, *chosen: Attention) -> str:
    form = {"action": "close_selected", "_selected_action": [str(noted.pk) for noted in chosen]}
    return browser.post(LIST, form, follow=True).content.decode()


def test_staff_find_it_on_the_index_and_in_a_list(ada: Member, warned: Attention) -> None:
    browser = browser_of_staff("view_attention")
    assert f'<a href="{LIST}">Needs attention</a>' in browser.get("/admin/").content.decode()
    page = browser.get(LIST).content.decode()
    assert "Early fraud warning" in page
    assert f'href="https://dashboard.stripe.com/test/payments/{warned.payment_id}"' in page
    assert f'href="/admin/billing/member/{ada.id}/change/"' in page


def test_its_page_says_what_a_refund_would_take_back(
    site: LoopbackSite, ada: Member, warned: Attention
) -> None:
    browser = browser_of_staff("view_attention")
    assert ">10 credits<" in browser.get(page_of(warned)).content.decode()
    site.refund(warned.checkout_id, 450)
    site.deliver_all()
    assert ">1 credit<" in browser.get(page_of(warned)).content.decode()
    site.instant_is_away = True
    assert "Cannot be read right now" in browser.get(page_of(warned)).content.decode()


def test_before_the_purchase_is_credited_a_refund_takes_nothing(warned: Attention) -> None:
    Attention.objects.update(checkout_id="cs_test_not_credited")
    page = browser_of_staff("view_attention").get(page_of(warned)).content.decode()
    assert "Nothing: this purchase is not credited" in page


def test_who_may_closes_it_once_and_it_is_logged(warned: Attention) -> None:
    browser = browser_of_staff("view_attention", "close_attention")
    assert "1 closed." in press_close(browser, warned)
    assert "0 closed." in press_close(browser, warned)
    (entry,) = LogEntry.objects.all()
    assert (entry.object_id, entry.change_message) == (str(warned.pk), "Closed")
    assert Attention.objects.get().closed_by == "grace"


def test_who_may_only_look_cannot_close_it(warned: Attention) -> None:
    browser = browser_of_staff("view_attention")
    assert "close_selected" not in browser.get(LIST).content.decode()
    press_close(browser, warned)
    assert Attention.objects.get().closed_at is None


def test_nothing_is_added_edited_or_deleted(warned: Attention) -> None:
    browser = browser_of_staff("view_attention", "close_attention")
    for page in (f"{LIST}add/", f"{LIST}{warned.pk}/delete/"):
        assert browser.get(page).status_code == 403
    assert browser.post(page_of(warned), {"detail": "misc"}).status_code == 403
    assert "delete_selected" not in browser.get(LIST).content.decode()


def test_an_address_with_a_field_that_has_no_name_is_a_bad_request(warned: Attention) -> None:
    browser = browser_of_staff("view_attention")
    assert browser.get(page_of(warned), {"_to_field": ""}).status_code == 400


def test_what_is_open_comes_first_and_can_be_chosen(site: LoopbackSite, ada: Member, bought: str) -> None:
    for fraud_type in ("misc", "made_with_lost_card"):
        site.warn(bought, fraud_type)
    site.deliver_all()
    browser = browser_of_staff("view_attention", "close_attention")
    press_close(browser, Attention.objects.get(detail="made_with_lost_card"))
    page = browser.get(LIST).content.decode()
    assert page.index("misc") < page.index("made_with_lost_card")
    for state, shown, other in (("open", "misc", "lost_card"), ("closed", "lost_card", "misc")):
        page = browser.get(LIST, {"state": state}).content.decode()
        assert (shown in page, other in page) == (True, False)
    found = [browser.get(LIST, {"q": text}).content.decode() for text in (site.payment_of(bought), "pi_none")]
    assert ["misc" in page for page in found] == [True, False]


def test_a_member_or_staff_without_permission_do_not_see_it(ada: Member, warned: Attention) -> None:
    assert browser_of(ada).get(LIST).status_code == 302
    assert browser_of_staff().get(LIST).status_code == 403
