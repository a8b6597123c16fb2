"""Every page and state of one that a member or a stranger can see, and how to get there.

Each is a function that returns somebody in front of it. The staff's are in `staff_states.py`.
"""

from __future__ import annotations

import re
from typing import Any, Final
from uuid import uuid4

import requests
from playwright.sync_api import expect

from instant_admin.client.steps import update
from tests.browser.stage import BREAKS, TOPICS, Go, Stage, listed
from tests.drivers.browser import BrowserMember
from tests.drivers.instant import admin_of
from tests.drivers.member import DECLINED, JSON, PAYS, TIMEOUT_S
from tests.drivers.waiting import await_that

LONG_WORD: Final = f"https://example.com/{'w' * 60}"
LONG_EMAIL: Final = f"{'w' * 60}@{'w' * 60}.example.com"
ASKS_FOR_3DS: Final = "4000002500003155"

STATES: Final[dict[str, Go]] = {}
state = listed(STATES)


def presses(person: BrowserMember, selector: str) -> None:
    """Press what the selector finds first; names of buttons are in the reader's language."""
    person.page.locator(selector).first.click()


def sends(person: BrowserMember, form: str, **fields: str) -> None:
    """Fill in a form and press its button."""
    for name, value in fields.items():
        person.page.locator(f"{form} [name={name}]").fill(value)
    presses(person, f"{form} button")


# Strangers


@state
def landing(stage: Stage) -> BrowserMember:
    return stage.shows(None)


@state
def landing_with_a_topic_kept(stage: Stage) -> BrowserMember:
    person = stage.shows(None)
    sends(person, "#write", topic="winter rain")
    expect(person.message).not_to_be_empty()
    return person


@state
def sign_in(stage: Stage) -> BrowserMember:
    return stage.shows(None, "/sign-in/")


@state
def sign_in_after_paying(stage: Stage) -> BrowserMember:
    return stage.shows(None, "/?session_id=cs_test_1")


@state
def email_refused(stage: Stage) -> BrowserMember:
    person = stage.shows(None, "/sign-in/")
    sends(person, "#sign-in", email="nonsense")
    expect(person.page.locator("#email-error")).to_be_visible()
    return person


def _code_page(stage: Stage, email: str) -> BrowserMember:
    person = stage.shows(None, "/sign-in/")
    sends(person, "#sign-in", email=email)
    expect(person.page.locator("#code")).to_be_focused()
    return person


@state
def code(stage: Stage) -> BrowserMember:
    return _code_page(stage, "ada@example.com")


@state
def code_wrong(stage: Stage) -> BrowserMember:
    person = _code_page(stage, LONG_EMAIL)
    sends(person, "#code-form", code="000000")
    expect(person.page.locator("#code-error")).to_be_visible()
    return person


# Writing


@state
def home_of_a_new_member(stage: Stage) -> BrowserMember:
    return stage.shows(stage.cast.member())


@state
def home(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.writer)
    expect(person.cards).to_have_count(len(TOPICS))
    return person


@state
def home_with_few_credits(stage: Stage) -> BrowserMember:
    topics = (*TOPICS[:5], "<b>bold</b>", LONG_WORD)
    person = stage.shows(stage.cast.member(*topics, packs=1, email=f"{uuid4().hex}@example.com"))
    expect(person.banner).to_be_visible()
    return person


@state
def home_with_older_haikus(stage: Stage) -> BrowserMember:
    topics = (f"rain {number}" for number in range(11))
    return stage.shows(stage.cast.member(*topics, packs=2))


@state
def home_below_zero(stage: Stage) -> BrowserMember:
    member = stage.cast.member()
    checkout_id = member.buy()
    member.await_credits(10)
    for topic in TOPICS:
        member.write(topic)
    stage.stripe.refund(checkout_id, 500)
    member.await_credits(-len(TOPICS))
    return stage.shows(member)


@state
def topic_to_try(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.writer)
    presses(person, "[data-topic]")
    return person


@state
def writing(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.member(packs=1))
    stage.instant_faults.add("hold_before", "^/admin/transact$")
    sends(person, "#write", topic="winter rain")
    expect(person.page.locator("#write button").first).to_be_disabled()
    return person


@state
def written(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.member(*TOPICS[:2], packs=1))
    sends(person, "#write", topic="winter rain")
    expect(person.cards).to_have_count(3)
    expect(person.credits).to_have_text("7")
    return person


@state
def topic_refused(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.member(packs=1))
    sends(person, "#write", topic="...!?")
    expect(person.page.locator("#write-error")).to_be_visible()
    return person


@state
def unreachable(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.writer)
    person.bears("htmx:sendError|htmx:afterRequest|ERR_INTERNET_DISCONNECTED")
    person.page.context.set_offline(True)
    sends(person, "#write", topic="winter rain")
    expect(person.message).not_to_be_empty()
    return person


@state
def not_confirmed(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.member(packs=1))
    person.bears("Response Status Error Code 503")
    # The balance is read, the spend arrives but its answer does not, and then Instant is away.
    stage.instant_faults.add("refuse", "^/admin/query$", skip=1, times=None)
    stage.instant_faults.add("drop_after", "^/admin/transact$")
    stage.instant_faults.add("refuse", "^/admin/transact$", times=None)
    sends(person, "#write", topic="winter rain")
    expect(person.message).not_to_be_empty()
    return person


# Haikus


@state
def haiku(stage: Stage) -> BrowserMember:
    return stage.shows(stage.cast.writer, f"/haikus/{stage.cast.writer.haikus()[0]['id']}/")


def _in_state(stage: Stage, **said: str) -> BrowserMember:
    """A page with a haiku of a generator that takes time, as it is meanwhile."""
    member = stage.cast.member("winter rain", packs=1)
    (haiku,) = member.haikus()
    admin_of(stage.cast.world).transact([update("haikus", haiku["id"], {"content": "", **said})])
    return stage.shows(member)


@state
def haiku_being_written(stage: Stage) -> BrowserMember:
    person = _in_state(stage, state="writing", draft="the printer wakes up")
    expect(person.cards.first).to_contain_text("the printer wakes up")
    return person


@state
def haiku_failed(stage: Stage) -> BrowserMember:
    return _in_state(stage, state="failed", error="failed")


@state
def list_of_haikus(stage: Stage) -> BrowserMember:
    return stage.shows(stage.cast.writer, "/haikus/")


@state
def list_without_haikus(stage: Stage) -> BrowserMember:
    return stage.shows(stage.cast.member(), "/haikus/")


@state
def haiku_deleted(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.member(*TOPICS, packs=1))
    # So that it is still there when everything is measured.
    person.page.clock.install()
    presses(person, "article >> nth=1 >> [form=delete]")
    expect(person.page.locator(".gone button")).to_be_focused()
    return person


@state
def haiku_brought_back(stage: Stage) -> BrowserMember:
    person = haiku_deleted(stage)
    presses(person, ".gone button")
    expect(person.cards).to_have_count(len(TOPICS))
    return person


# Buying


@state
def packs(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.writer)
    presses(person, "[data-opens=buy]")
    expect(person.packs).to_be_visible()
    return person


@state
def out_of_credits(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.member())
    sends(person, "#write", topic="winter rain")
    expect(person.packs).to_be_visible()
    return person


@state
def out_of_credits_and_packs_closed(stage: Stage) -> BrowserMember:
    person = out_of_credits(stage)
    presses(person, "[data-closes]")
    expect(person.packs).to_be_hidden()
    return person


@state
def packs_without_javascript(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.writer, "/#buy", java_script_enabled=False)
    expect(person.packs).to_be_visible()
    return person


@state
def nothing_for_sale(stage: Stage) -> BrowserMember:
    stage.stripe_faults.add("refuse", "^/v1/prices", times=None)
    person = stage.shows(stage.cast.member())
    presses(person, "[data-opens=buy]")
    expect(person.packs).to_be_visible()
    return person


# Back from Stripe


@state
def cancelled(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.member())
    presses(person, "[data-opens=buy]")
    presses(person, "#buy-form button")
    person.page.wait_for_url("**/c/pay/**")
    person.opens(f"{person.client.site}/?checkout=cancelled")
    expect(person.notice).to_be_visible()
    return person


@state
def asking_stripe(stage: Stage) -> BrowserMember:
    member = stage.cast.member()
    stage.stripe_faults.add("hold_before", r"^/v1/checkout/sessions/cs_", method="GET", times=None)
    stage.stripe.post("/dashboard/delivery", nothing="1")
    person = stage.shows(member, f"/?session_id={member.buy()}")
    expect(person.notice).to_be_visible()
    return person


@state
def paid_and_added_now(stage: Stage) -> BrowserMember:
    stage.stripe.post("/dashboard/delivery", nothing="1")
    member = stage.cast.member()
    return _came_back(stage.shows(member, f"/?session_id={member.buy()}"), credits=10)


@state
def paid_and_added_before(stage: Stage) -> BrowserMember:
    member = stage.cast.member()
    checkout_id = member.buy()
    member.await_credits(10)
    return _came_back(stage.shows(member, f"/?session_id={checkout_id}"), credits=10)


@state
def paid_and_told_unasked(stage: Stage) -> BrowserMember:
    member = stage.cast.member()
    member.buy()
    person = stage.shows(member)
    expect(person.notice).to_be_visible()
    return person


@state
def payment_on_its_way(stage: Stage) -> BrowserMember:
    return _undecided(stage, status="complete", payment_status="unpaid")


@state
def payment_still_not_confirmed(stage: Stage) -> BrowserMember:
    person = _undecided(stage, status="complete", payment_status="unpaid")
    person.page.locator("#checkout-sync [name=attempt]").evaluate("field => { field.value = 9 }")
    presses(person, "#checkout-sync button")
    expect(person.page.locator("#checkout-sync form")).not_to_have_attribute(
        "hx-trigger", re.compile("delay")
    )
    return person


@state
def checkout_expired(stage: Stage) -> BrowserMember:
    return _undecided(stage, status="expired", payment_status="unpaid")


def _undecided(stage: Stage, **said: str) -> BrowserMember:
    """Back from a checkout of which Stripe says this."""
    member = stage.cast.member()
    checkout_id = member.open_checkout().rsplit("/", 1)[1]
    path = f"/v1/checkout/sessions/{checkout_id}"
    body: dict[str, Any] = stage.stripe.ask(path) | said
    stage.stripe_faults.add("answer", f"^{path}$", method="GET", times=None, status=200, body=body)
    return _came_back(stage.shows(member, f"/?session_id={checkout_id}"), credits=0)


def _came_back(person: BrowserMember, *, credits: int) -> BrowserMember:
    expect(person.page.locator("#checkout-sync [name=attempt][value='0']")).to_have_count(0)
    expect(person.credits).to_have_text(str(credits))
    return person


@state
def purchase_to_be_looked_at(stage: Stage) -> BrowserMember:
    member = stage.cast.member()
    page = member.open_checkout()
    stage.stripe.edit(page.rsplit("/", 1)[1], credits="1000")
    member.pay(page)
    return _came_back(stage.shows(member, f"/?session_id={page.rsplit('/', 1)[1]}"), credits=0)


@state
def counter_moved_by_itself(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.member())
    person.page.wait_for_load_state()
    person.client.buy()
    expect(person.page.locator(".notice--toast")).to_be_visible()
    return person


# The history


@state
def history(stage: Stage) -> BrowserMember:
    return stage.shows(stage.cast.writer, "/history/")


@state
def history_below_zero(stage: Stage) -> BrowserMember:
    return home_below_zero(stage).opens("/history/")


@state
def history_as_a_table(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.writer, "/history/")
    presses(person, ".chart summary")
    expect(person.page.locator(".chart table")).to_be_visible()
    return person


@state
def history_of_what_was_bought(stage: Stage) -> BrowserMember:
    return stage.shows(stage.cast.writer, "/history/?kind=bought&days=30")


@state
def history_with_nothing_found(stage: Stage) -> BrowserMember:
    return stage.shows(stage.cast.member(packs=1), "/history/?kind=staff")


@state
def history_of_a_new_member(stage: Stage) -> BrowserMember:
    return stage.shows(stage.cast.member(), "/history/")


@state
def history_of_older_entries(stage: Stage) -> BrowserMember:
    member = stage.cast.member(packs=3)
    # More than a page of them.
    for number in range(21):
        member.write(f"rain {number}")
    person = stage.shows(member, "/history/")
    presses(person, "#entries-older")
    expect(person.page.locator("#entries-newest")).to_be_visible()
    return person


@state
def history_while_stripe_is_away(stage: Stage) -> BrowserMember:
    member = stage.cast.member(packs=1)
    stage.stripe_faults.add("refuse", "^/v1/", times=None)
    return stage.shows(member, "/history/")


@state
def taking_a_purchase_back(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.member(*TOPICS[:3], packs=1), "/history/")
    presses(person, "a[href$='/withdraw/']")
    person.page.wait_for_url("**/withdraw/")
    return person


@state
def purchase_taken_back(stage: Stage) -> BrowserMember:
    person = taking_a_purchase_back(stage)
    presses(person, "main form[data-once] button")
    expect(person.message).not_to_be_empty()
    return person


@state
def nothing_to_take_back(stage: Stage) -> BrowserMember:
    member = stage.cast.member()
    checkout_id = member.buy()
    member.await_credits(10)
    for topic in [*TOPICS, *TOPICS[:4]]:
        member.write(topic)
    person = stage.shows(member)
    person.bears("status of 409")
    return person.opens(f"/history/purchases/{checkout_id}/withdraw/")


# The account


@state
def account(stage: Stage) -> BrowserMember:
    return stage.shows(stage.cast.writer, "/account/")


@state
def keys_before_the_first(stage: Stage) -> BrowserMember:
    return stage.shows(stage.cast.member(), "/account/keys/")


@state
def key_made(stage: Stage) -> BrowserMember:
    person = keys_before_the_first(stage)
    sends(person, "#new-key", name=LONG_WORD[:60], daily_limit="5")
    expect(person.page.locator("#token")).to_be_visible()
    return person


@state
def keys(stage: Stage) -> BrowserMember:
    person = key_made(stage)
    key = {"Authorization": f"Bearer {person.page.locator('#token').input_value()}"}
    requests.get(f"{person.client.site}/api/credits", headers=key, timeout=TIMEOUT_S).raise_for_status()
    person.client.post("/account/keys/", {"name": "the printer", "scope": "read"}, **JSON)
    return person.opens("/account/keys/")


@state
def key_refused(stage: Stage) -> BrowserMember:
    person = keys_before_the_first(stage)
    sends(person, "#new-key", daily_limit="much")
    expect(person.page.locator("#name-error")).to_be_visible()
    return person


@state
def for_programs(stage: Stage) -> BrowserMember:
    return stage.shows(None, "/api/")


@state
def sessions(stage: Stage) -> BrowserMember:
    return stage.shows(stage.cast.writer, "/account/sessions/")


@state
def new_email(stage: Stage) -> BrowserMember:
    return stage.shows(stage.cast.member(), "/account/email/")


@state
def new_email_refused(stage: Stage) -> BrowserMember:
    person = new_email(stage)
    sends(person, "#new-email", email="nonsense")
    expect(person.page.locator("#email-error")).to_be_visible()
    return person


@state
def new_email_code(stage: Stage) -> BrowserMember:
    person = new_email(stage)
    sends(person, "#new-email", email=f"new-{person.client.email}")
    expect(person.page.locator("#code")).to_be_focused()
    return person


@state
def new_email_code_wrong(stage: Stage) -> BrowserMember:
    person = new_email_code(stage)
    sends(person, "#code-form", code="000000")
    expect(person.page.locator("#code-error")).to_be_visible()
    return person


@state
def email_changed(stage: Stage) -> BrowserMember:
    person = new_email_code(stage)
    sends(person, "#code-form", code=person.client.code(f"new-{person.client.email}"))
    expect(person.message).not_to_be_empty()
    return person


@state
def deletion(stage: Stage) -> BrowserMember:
    return stage.shows(stage.cast.member(), "/account/delete/")


@state
def deletion_code(stage: Stage) -> BrowserMember:
    person = deletion(stage)
    presses(person, "#deletion button")
    expect(person.page.locator("#code")).to_be_focused()
    return person


@state
def account_deleted(stage: Stage) -> BrowserMember:
    person = deletion_code(stage)
    sends(person, "#code-form", code=person.client.code())
    expect(person.message).not_to_be_empty()
    return person


# A mail's link


@state
def unsubscribing(stage: Stage) -> BrowserMember:
    member = stage.cast.member(packs=1)
    await_that(member.unsubscribe_pages)
    return stage.shows(None, member.unsubscribe_pages()[0])


@state
def unsubscribed(stage: Stage) -> BrowserMember:
    person = unsubscribing(stage)
    presses(person, "#unsubscribe button")
    expect(person.page.locator("#unsubscribe")).to_have_count(0)
    return person


@state
def unsubscribing_with_half_a_link(stage: Stage) -> BrowserMember:
    return stage.shows(None, "/mails/unsubscribe/half-of-it/")


# What goes wrong


@state
def not_found(stage: Stage) -> BrowserMember:
    return stage.shows(stage.cast.writer, "/there-is-nothing-here/")


@state
def form_out_of_date(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.member())
    person.bears("status of 403")
    # As from a page that says nothing of where it is: no origin, and a token of nobody.
    person.page.locator("#write [name=csrfmiddlewaretoken]").evaluate("field => { field.value = '' }")
    person.page.evaluate(
        "document.head.insertAdjacentHTML('beforeend', '<meta name=referrer content=no-referrer>')"
    )
    person.page.locator("#write").evaluate("form => HTMLFormElement.prototype.submit.call(form)")
    expect(person.page.locator(".lost__status")).to_have_text("403")
    return person


@state
def form_out_of_date_and_shown_anew(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.member())
    person.page.locator("#write [name=csrfmiddlewaretoken]").evaluate("field => { field.value = '' }")
    person.page.locator("#write").evaluate("form => HTMLFormElement.prototype.submit.call(form)")
    expect(person.message).not_to_be_empty()
    return person


@state
def too_often(stage: Stage) -> BrowserMember:
    member = stage.cast.member()
    member.get("/account/export.json").raise_for_status()
    person = stage.shows(member)
    person.bears("status of 429")
    person.opens("/account/export.json")
    expect(person.page.locator(".lost__status")).to_have_text("429")
    return person


@state
def broken(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.member(packs=1))
    person.bears("status of 500")
    person.page.locator("#topic").fill(BREAKS)
    person.page.locator("#write").evaluate("form => HTMLFormElement.prototype.submit.call(form)")
    expect(person.page.locator(".lost__status")).to_have_text("500")
    return person


@state
def broken_while_writing(stage: Stage) -> BrowserMember:
    person = stage.shows(stage.cast.member(packs=1))
    person.bears("status of 500|Response Status Error Code 500")
    sends(person, "#write", topic=BREAKS)
    expect(person.message).not_to_be_empty()
    return person


@state
def outage(stage: Stage) -> BrowserMember:
    member = stage.cast.member()
    stage.instant_faults.add("refuse", "^/admin/query$", times=None)
    return stage.shows(member, "/haikus/")


# Stripe's pages


@state
def payment_page(stage: Stage) -> BrowserMember:
    return stage.shows(None, stage.cast.member().open_checkout())


@state
def card_declined(stage: Stage) -> BrowserMember:
    person = payment_page(stage)
    person.pays_with(DECLINED)
    expect(person.page.get_by_role("alert")).to_be_visible()
    return person


@state
def card_authentication(stage: Stage) -> BrowserMember:
    person = payment_page(stage)
    person.pays_with(ASKS_FOR_3DS)
    expect(person.page.get_by_role("button", name="Complete authentication")).to_be_visible()
    return person


@state
def paid_already(stage: Stage) -> BrowserMember:
    member = stage.cast.member()
    page = member.open_checkout()
    member.pay(page, PAYS)
    return stage.shows(None, page)


@state
def receipt(stage: Stage) -> BrowserMember:
    member = stage.cast.member()
    checkout_id = member.buy()
    member.await_credits(10)
    return stage.shows(member, f"/history/receipts/{checkout_id}/")


@state
def stripes_dashboard(stage: Stage) -> BrowserMember:
    return stage.shows(None, stage.stripe.dashboard)
