"""What each actor does: members, Stripe and its buyers' banks, staff, the reconciler."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from accounts.account.deleting import empty_account
from accounts.members import Member
from billing.checkout import StartedCheckout, checkout_of, start_checkout
from billing.errors import BillingError, PackNotForSale, RequestIdReused, StripeError
from billing.fulfilment import Outcome, sync_checkout
from billing.history import history_of
from billing.packs import Pack
from billing.products import State
from billing.reconciliation import reconcile
from billing.staff.credits import Action, give_back, move_credits
from billing.webhook import receive_webhook
from billing.welcome import welcome
from billing.withdrawals import offer_of, withdraw
from haikus.errors import HaikuError, NoSuchHaiku
from haikus.store import Haiku, delete_haiku, haikus_of, restore_haiku, write_haiku
from instant_admin.client.errors import InstantError
from instant_admin.client.steps import create, update
from instant_admin.configured import balance_store
from instant_admin.ledger.movements import Spend
from instant_admin.ledger.rules import BalanceMoved, LedgerError, OutOfCredits
from tests.simulation.keys import spend_by_key
from tests.simulation.script import DAY_S, MEMBERS, WELCOME, Cast, Deed, Move, Told
from tests.simulation.working import cancel, sweep, work
from tests.simulation.world import PACKS, NoAnswer, World

# What a request can end with; anything else that is raised is a bug, and stops the history.
KNOWN_ENDS: Final = (InstantError, LedgerError, BillingError, HaikuError)


# Members


def _write(cast: Cast, deed: Deed) -> None:
    """Press Write, perhaps several times at once, perhaps again when nothing certain came back."""
    member = cast.members[deed.member]
    told = cast.writes.setdefault(deed.options["request"], Told(member))
    for click in range(1, deed.options["clicks"]):
        name = f"write {deed.member} click {click}"
        cast.world.scheduler.spawn(name, lambda: _try_writing(cast, deed, told))
    _try_writing(cast, deed, told)


def _rush(cast: Cast, deed: Deed) -> None:
    """Many requests in one process at once, some of them the same, some such that Instant refuses them."""
    options = deed.options
    requests = list(options["requests"]) + (options["requests"][:2] if options["again"] else [])
    for number, request in enumerate(requests):
        writer = cast.members[(deed.member + number % options["members"]) % MEMBERS]
        told = cast.writes.setdefault(request, Told(writer))
        one = {"request": request, "tries": 2, "other topic": False, "process": options["process"]}
        if options["refused"] and number == 1:
            act = partial(_try_what_instant_refuses, cast, options["process"], writer)
        else:
            act = partial(_try_writing, cast, Deed("write", deed.member, 0.0, one), told)
        cast.world.scheduler.spawn(f"rush {deed.member} {number}", act)


def _try_what_instant_refuses(cast: Cast, process: int, member: Member) -> None:
    """A product whose row no database takes: nobody else must suffer from it."""

    def spend() -> None:
        movement = Spend(key=f"spend:{member.id}:refused", price=1, note="nothing")
        balance_store().post(member.id, movement, steps=lambda row: [create("haikus", row, {"topic": "\0"})])

    try:
        cast.world.serve("write_haiku", spend, process=process)
    except (NoAnswer, *KNOWN_ENDS):
        return
    raise AssertionError("what Instant refuses was sold")


def _try_writing(cast: Cast, deed: Deed, told: Told) -> None:
    member, request_id = told.member, deed.options["request"]
    for attempt in range(deed.options["tries"]):
        told.begin()
        topic = "snow" if deed.options["other topic"] and attempt else "rain"
        write = partial(write_haiku, member=member, topic=topic, request_id=request_id)
        asked = cast.world.clock()
        try:
            written = cast.world.serve("write_haiku", write, process=deed.options.get("process"))
        except NoAnswer:
            answer = "nothing"
        except OutOfCredits as exc:
            answer = "not charged"
            told.poor.append((asked, cast.world.clock(), exc.balance))
        except (HaikuError, RequestIdReused) as exc:
            answer = type(exc).__name__
        except (InstantError, LedgerError) as exc:
            answer = "perhaps charged" if exc.may_have_been_written else "not charged by this attempt"
        else:
            answer = "done"
            told.done[written.haiku.id] = topic
        told.end(answer)
        cast.world.note(f"member {deed.member} is told of request {str(request_id)[:8]}: {answer}")
        if answer in ("done", "not charged", "HaikuGone"):
            return
        cast.world.scheduler.sleep(cast.world.random.actors.uniform(0.0, 40.0))


def _delete(cast: Cast, deed: Deed) -> None:
    """Delete the newest haiku, now and then, and bring it back, now and then twice."""
    member = cast.members[deed.member]

    def delete() -> Haiku | None:
        written = haikus_of(member).haikus
        if not written:
            return None
        cast.deleted.add(written[0].id)  # from now on it may be gone, whatever the answer is
        return delete_haiku(member, written[0].id)

    for _ in range(4):
        try:
            deleted = cast.world.serve("delete_haiku", delete)
            for _ in range(deed.options.get("undone", 0)):
                if deleted is not None and deleted.state is State.DONE:
                    cast.world.serve("restore_haiku", partial(restore_haiku, member, deleted))
        except (NoAnswer, NoSuchHaiku, InstantError):
            cast.world.note(f"member {deed.member} cannot delete a haiku")
        cast.world.scheduler.sleep(cast.world.random.actors.choice([0.0, 10.0, DAY_S]))


def _arrive(cast: Cast, deed: Deed) -> None:
    """Sign in, again and again, and meanwhile as another account of the same mailbox."""
    again = cast.world.new_member(f"member{deed.member}+again@example.com")
    for member in (cast.members[deed.member], again):
        for _ in range(2):
            name = f"sign-in of {member.email}"
            cast.world.scheduler.spawn(name, partial(_sign_in, cast, deed.member, member))


def _sign_in(cast: Cast, number: int, member: Member) -> None:
    try:
        cast.world.serve("welcome", partial(welcome, member, credits=WELCOME))
    except (NoAnswer, *KNOWN_ENDS):
        return
    cast.arrived.add(number)


def _buy(cast: Cast, deed: Deed) -> None:
    """Check out, pay in one way or another, come back, and perhaps have the money go back later."""
    how = deed.options["how"]
    started = _check_out(cast, deed)
    if started is None or how == "abandon":
        return
    if deed.options["edit"] is not None:
        _edit(cast, deed, started.id)
    if how == "expire":
        cast.world.post_to_stripe(f"/dashboard/sessions/{started.id}/expire", {})
    else:
        for _ in range(deed.options["clicks"]):
            cast.world.post_to_stripe(urlsplit(started.url).path, _FORMS[how])
        cast.world.note(f"member {deed.member} pays {started.id} by {how}")
    _come_back(cast, deed, started.id)
    if how.startswith("debit"):
        _settle_debit(cast, started.id, paid=how == "debit ok")
    if deed.options["after"] is not None:
        _change_their_mind(cast, deed, started.id)


def _change_their_mind(cast: Cast, deed: Deed, checkout_id: str) -> None:
    if deed.options["after"] != "withdraw":
        _money_goes_back(cast, deed, checkout_id)
        return
    rng = cast.world.random.actors
    for _ in range(rng.randint(0, 3)):
        request = UUID(int=rng.getrandbits(128), version=4)
        one = Deed("write", deed.member, 0.0, {"request": request, "tries": 2, "other topic": False})
        _try_writing(cast, one, cast.writes.setdefault(request, Told(cast.members[deed.member])))
    for click in range(1, deed.options["clicks"]):
        cast.world.scheduler.spawn(f"withdraw {click}", partial(_withdraw, cast, deed.member, checkout_id))
    _withdraw(cast, deed.member, checkout_id)


def _check_out(cast: Cast, deed: Deed) -> StartedCheckout | None:
    """Press Buy, again when that fails."""
    start = partial(
        _start,
        cast.members[deed.member],
        PACKS[deed.options["pack"]],
        deed.options["quantity"],
        request_id=UUID(int=cast.world.random.actors.getrandbits(128), version=4),
    )
    for _ in range(3):
        try:
            return cast.world.serve("start_checkout", start)
        except (NoAnswer, StripeError, InstantError, PackNotForSale):
            cast.world.scheduler.sleep(5.0)
    return None


def _start(
    member: Member, pack: tuple[str, int, int], quantity: int, *, request_id: UUID | None
) -> StartedCheckout:
    price, _, credits = pack
    return start_checkout(
        member=member,
        pack=Pack(price, credits, "pack"),
        quantity=quantity,
        request_id=request_id,
        success_url="http://site.simulated/?session_id={CHECKOUT_SESSION_ID}",
        cancel_url="http://site.simulated/",
    )


def _edit(cast: Cast, deed: Deed, checkout_id: str) -> None:
    """Somebody edits the metadata in Stripe's dashboard, perhaps to what another checkout has.

    Where no other checkout is worth something else, it is more credits.
    """
    world, worth = cast.world, cast.world.session(checkout_id)["metadata"]["credits"]
    others = (session["metadata"] for session in world.sessions())
    edits = {
        "member": {"member": str(cast.members[deed.member - 1].id)},
        "app": {"app": "another-site"},
        "copy": next((metadata for metadata in others if metadata["credits"] != worth), None),
    }
    after = edits.get(deed.options["edit"]) or {"credits": "1000"}
    world.edit(checkout_id, after)
    cast.edited.add(checkout_id)
    world.note(f"the metadata of {checkout_id} is edited: {after}")


_FORMS: Final = {
    "card": {"card_number": "4242424242424242"},
    "free": {"promotion_code": "TESTING100"},
    "debit ok": {"payment_method": "bank_debit_ok"},
    "debit fails": {"payment_method": "bank_debit_fails"},
}


def _come_back(cast: Cast, deed: Deed, checkout_id: str) -> None:
    """The buyer's browser syncs; sometimes somebody else's does, who must get nothing."""
    if deed.options["stolen"] and len(cast.members) > 1:
        thief = (deed.member + 1) % len(cast.members)
        cast.world.scheduler.spawn(f"thief {thief}", lambda: _sync(cast, thief, checkout_id))
    for _ in range(deed.options["syncs"]):
        _sync(cast, deed.member, checkout_id)
        cast.world.scheduler.sleep(cast.world.random.actors.choice([0.0, 3.0, 60.0]))


def _sync(cast: Cast, member: int, checkout_id: str) -> None:
    buyer = cast.members[member]
    try:
        settlement = cast.world.serve("sync_checkout", lambda: sync_checkout(checkout_id, member=buyer))
    except (NoAnswer, *KNOWN_ENDS):
        return
    cast.world.note(f"member {member} is told of {checkout_id}: {settlement.outcome}")
    if settlement.outcome in (Outcome.CREDITED, Outcome.ALREADY_CREDITED):
        cast.credited[checkout_id] = buyer


# Money that goes back, and banks


def _payment_of(cast: Cast, checkout_id: str) -> str | None:
    session = cast.world.session(checkout_id)
    return session["payment_intent"] and str(session["payment_intent"])


def _settle_debit(cast: Cast, checkout_id: str, *, paid: bool) -> None:
    cast.world.scheduler.sleep(cast.world.random.actors.uniform(0, 2 * DAY_S))
    payment, end = _payment_of(cast, checkout_id), "settle" if paid else "fail"
    cast.world.post_to_stripe(f"/dashboard/payments/{payment}/{end}", {})


def _money_goes_back(cast: Cast, deed: Deed, checkout_id: str) -> None:
    world, rng, after = cast.world, cast.world.random.actors, deed.options["after"]
    payment = _payment_of(cast, checkout_id)
    if payment is None:
        return
    world.scheduler.sleep(rng.choice([0.0, 0.0, rng.uniform(0, DAY_S)]))
    base = f"/dashboard/payments/{payment}"
    world.note(f"the money of {checkout_id} goes back: {after}, {deed.options['share']}")
    if after in ("refund", "refunds", "failed refund"):
        paid = world.session(checkout_id)["amount_total"]
        times = 2 if after == "refunds" else 1
        amount = max(1, int(paid * deed.options["share"]) // times)
        for _ in range(times):
            world.post_to_stripe(f"{base}/refund", {"amount": str(amount)})
            world.scheduler.sleep(rng.choice([0.0, 1.0, 50.0]))
        if after == "failed refund":
            world.scheduler.sleep(rng.uniform(0, DAY_S))
            for refund in world.refunds(payment):
                world.post_to_stripe(f"/dashboard/refunds/{refund['id']}/fail", {})
        return
    world.post_to_stripe(f"{base}/dispute", {"kind": "inquiry" if after == "inquiry" else "fraudulent"})
    world.scheduler.sleep(rng.uniform(0, DAY_S))
    for dispute in world.disputes(payment):
        world.post_to_stripe(f"/dashboard/disputes/{dispute['id']}/{'win' if after == 'won' else 'lose'}", {})


def _withdraw(cast: Cast, member: int, checkout_id: str) -> None:
    """The buyer takes back what they have not spent, or staff do; again, when nothing certain came back."""
    buyer, world = cast.members[member], cast.world
    by_staff = world.random.actors.choice([{}, {"staff_name": "grace", "reason": "asked for by mail"}])

    def act() -> bool:
        checkout = checkout_of(buyer.id, checkout_id)
        offer = offer_of(checkout, buyer.id, staff_name=by_staff.get("staff_name", ""))
        return withdraw(checkout, buyer.id, offer, **by_staff) is not None

    for _ in range(4):
        try:
            is_repaid = world.serve("withdraw", act)
        except (NoAnswer, *KNOWN_ENDS):
            world.scheduler.sleep(world.random.actors.choice([1.0, 60.0, 2 * DAY_S]))
        else:
            cast.withdrawn[checkout_id] = is_repaid
            world.note(f"member {member} is told that the money of {checkout_id} comes back: {is_repaid}")
            return


# The webhook


def deliver_webhooks(cast: Cast, *, lossy: bool) -> None:
    """Stripe's courier: takes what is in the outbox and delivers it late, twice, out of order, or never."""
    world, rng = cast.world, cast.world.random.actors
    seen: set[tuple[int, int]] = set()
    idle = 0
    while idle < 40:
        due = [one for one in world.stripe.due_deliveries(world.clock()) if (one.id, one.attempt) not in seen]
        idle = 0 if due else idle + 1
        for delivery in due:
            seen.add((delivery.id, delivery.attempt))
            if lossy and rng.random() < 0.5:
                world.stripe.record_attempt(delivery.id, 200, world.clock())  # lost, and Stripe never knows
                continue
            delays = [rng.choice([0.0, 0.0, 1.0, 600.0, rng.uniform(0, 3 * DAY_S)]) if lossy else 0.0]
            if lossy and rng.random() < 0.15:
                delays.append(rng.uniform(0, DAY_S))
            for delay in delays:
                act = partial(_deliver, cast, delivery.id, delivery.body)
                world.scheduler.spawn("webhook", act, delay=delay)
        world.scheduler.sleep(rng.uniform(1.0, 20_000.0) if lossy else 10_000.0)


def _deliver(cast: Cast, delivery_id: int, body: bytes) -> None:
    world = cast.world
    try:
        world.serve("webhook", lambda: receive_webhook(body, world.signature(body)))
        status: int | None = 200
    except NoAnswer:
        status = None
    except (StripeError, InstantError, LedgerError):
        status = 503
    world.stripe.record_attempt(delivery_id, status, world.clock())


# Staff


def _move(cast: Cast, deed: Deed) -> None:
    """Look at the balance, and give, take or set some; again, as it was, where nothing certain came back."""
    action, credits = Action(deed.kind), deed.options["credits"]
    member, request = cast.members[deed.member], deed.options["request"]
    try:
        seen = cast.world.serve("move_credits", lambda: balance_store().account(member.id).credits)
    except (NoAnswer, *KNOWN_ENDS):
        return
    move = {
        Action.GRANT: Move(member, f"grant:{request}", credits),
        Action.TAKE: Move(member, f"take:{request}", -credits),
        Action.RESET: Move(member, f"reset:{request}", credits - seen, left=credits),
    }[action]
    cast.moves.append(move)
    cast.world.scheduler.sleep(cast.world.random.actors.choice([0.0, 5.0]))
    _click(
        cast,
        deed,
        move,
        lambda: move_credits(
            action,
            member_id=member.id,
            credits=credits,
            reason=move.reason,
            staff_name="staff",
            cause=request,
            seen=seen,
        ),
    )


def _give_back(cast: Cast, deed: Deed) -> None:
    """Give the newest spend back, of whoever has one."""
    member = cast.members[deed.member]
    try:
        page = cast.world.serve("give_back", lambda: history_of(member))
    except (NoAnswer, *KNOWN_ENDS):
        return
    spend = next((entry for entry in page.entries if entry.kind == "spend"), None)
    if spend is None:
        return
    move = Move(member, f"undo:{spend.key}", -spend.amount, reason=f"sorry {len(cast.moves)}")
    cast.moves.append(move)
    act = partial(give_back, member_id=member.id, spend_key=spend.key, reason=move.reason, staff_name="staff")
    _click(cast, deed, move, act)


def _click(cast: Cast, deed: Deed, move: Move, act: Callable[[], object]) -> None:
    for click in range(1, deed.options["clicks"]):
        name = f"{deed.kind} {deed.member} click {click}"
        cast.world.scheduler.spawn(name, partial(_try_moving, cast, deed, move, act))
    _try_moving(cast, deed, move, act)


def _try_moving(cast: Cast, deed: Deed, move: Move, act: Callable[[], object]) -> None:
    verb = "give_back" if deed.kind == "give back" else "move_credits"
    for _ in range(2):
        try:
            cast.world.serve(verb, act)
        except NoAnswer:
            move.answers.append("nothing")
        except (OutOfCredits, BalanceMoved):
            move.answers.append("refused")
            return
        except (InstantError, LedgerError) as exc:
            written = exc.may_have_been_written
            move.answers.append("perhaps done" if written else "nothing came of this attempt")
        else:
            move.answers.append("done")
            return
        cast.world.scheduler.sleep(3.0)


def _reconcile(cast: Cast, deed: Deed) -> None:
    """Cron runs it again and again, whatever became of the run before."""
    for _ in range(4):
        try:
            findings = cast.world.serve("reconcile", lambda: list(reconcile(since=None, dry_run=False)))
        except (NoAnswer, *KNOWN_ENDS):
            findings = []
        for finding in findings:
            cast.world.note(f"reconciled {finding.checkout_id}: {finding.text}")
        cast.world.scheduler.sleep(cast.world.random.actors.uniform(0.0, DAY_S))


def _tidy(cast: Cast, deed: Deed) -> None:
    """Somebody tidies up in Stripe's dashboard, three times: customers go, and a price is off the shelf meanwhile."""
    price_id = PACKS[deed.member % len(PACKS)][0]
    for _ in range(3):
        delete_customers(cast, cast.members[deed.member])
        cast.world.sell(price_id, is_sold=False)
        cast.world.scheduler.sleep(cast.world.random.actors.choice([0.0, 1.0, 60.0, 0.5 * DAY_S]))
        cast.world.sell(price_id, is_sold=True)


def delete_customers(cast: Cast, member: Member) -> None:
    """Delete whatever customers Stripe has for a member."""
    for customer in cast.world.customers_of(member):
        cast.world.note(f"{customer['id']} of {member.email} is deleted")
        cast.world.post_to_stripe(f"/dashboard/customers/{customer['id']}/delete", {})


def last_haiku(cast: Cast, member: Member, *, process: int, request_id: UUID) -> bool:
    """Whether a member can write in each process when all is well again; who has no credits cannot."""
    write = partial(write_haiku, member=member, topic="rain", request_id=request_id)
    told = cast.writes.setdefault(request_id, Told(member))
    told.begin()
    try:
        written = cast.world.serve("write_haiku", write, process=process)
    except OutOfCredits:
        told.end("not charged")
    except LedgerError:
        told.end("nothing")
        return False
    else:
        told.done[written.haiku.id] = "rain"
        told.end("done")
    return True


def last_checkout(cast: Cast, member: Member) -> StartedCheckout:
    """What a member must be able to do when all is well again, whatever was before."""
    return cast.world.serve("start_checkout", partial(_start, member, PACKS[0], 1, request_id=None))


def leave(cast: Cast, member: Member) -> None:
    """A member deletes their account, and presses again a few times when it fails."""
    for _ in range(5):
        try:
            cast.world.serve("delete_account", partial(empty_account, member.id))
        except (NoAnswer, *KNOWN_ENDS):
            cast.world.scheduler.sleep(3.0)
        else:
            cast.left.add(member.id)
            return


def write_meanwhile(cast: Cast, member: Member) -> None:
    """Staff and another tab write into the ledger of somebody who leaves."""
    ids, rng = cast.world.random.ids, cast.world.random.actors
    for _ in range(3):
        cast.world.scheduler.sleep(rng.choice([0.0, 0.0, 0.0, 3.0]))
        cause, request_id = (UUID(int=ids.getrandbits(128), version=4) for _ in range(2))
        move = partial(move_credits, Action.RESET, member_id=member.id, credits=3, reason="snow")
        with suppress(NoAnswer, *KNOWN_ENDS):
            cast.world.serve("move_credits", partial(move, staff_name="grace", cause=cause))
        with suppress(NoAnswer, *KNOWN_ENDS):
            write = partial(write_haiku, member=member, topic="snow", request_id=request_id)
            cast.world.serve("write_haiku", write)


_DEEDS: Final[dict[str, Callable[[Cast, Deed], None]]] = {
    "write": _write,
    "rush": _rush,
    "delete": _delete,
    "arrive": _arrive,
    "buy": _buy,
    "grant": _move,
    "take": _move,
    "reset": _move,
    "give back": _give_back,
    "reconcile": _reconcile,
    "tidy": _tidy,
    "work": work,
    "key": spend_by_key,
    "cancel": cancel,
    "sweep": sweep,
}


def play(cast: Cast, deed: Deed) -> None:
    """Have an actor do the deed."""
    act = _DEEDS[deed.kind]
    cast.world.scheduler.spawn(f"{deed.kind} {deed.member}", lambda: act(cast, deed), delay=deed.delay)


def give_old_credits(world: World, member: Member, credits: int) -> None:
    """Credits from before there was a ledger."""
    world.admin.transact([update("$users", member.id, {"credits": credits})])
