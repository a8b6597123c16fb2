"""What must hold when a history is over: the faults have stopped, Stripe has redelivered, one reconcile has run.

Worked out from what Stripe and the members know, and compared with what Instant has; none of the product's
own sums are asked.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from accounts.members import Member
from billing.spending import Allowance
from tests.simulation.script import WELCOME, Cast, Told

NEVER_CHARGED = {"not charged", "not charged by this attempt"}
PAID = ("paid", "no_payment_required")
CLAWED_BACK = ("refund", "dispute", "dispute_won")
STANDING_DISPUTE = ("needs_response", "under_review", "lost")
UNDONE_REFUND = ("failed", "canceled")
PAYING = ("spend", "capture")
WORK_KINDS = ("hold", "capture", "release")
# What of an entry never changes.
NUMBERS = (
    "key",
    "slot",
    "kind",
    "amount",
    "balance",
    "held",
    "used",
    "allowance",
    "ref",
    "product",
    "createdAt",
)


def violations(cast: Cast) -> Iterator[str]:
    """A sentence for each invariant that does not hold."""
    tree = cast.world.admin.query({"$users": {}, "creditEntries": {}, "haikus": {}})
    users = {row["id"]: row for row in tree["$users"]}
    entries: dict[str, list[dict[str, Any]]] = {user: [] for user in users}
    for entry in tree["creditEntries"]:
        entries[entry["account"]].append(entry)
    for ledger in entries.values():
        ledger.sort(key=lambda entry: int(entry["slot"].rpartition(":")[2]))
    for member in cast.members:
        yield from _ledger(member, users[str(member.id)], entries[str(member.id)])
        yield from _held(member, users[str(member.id)], entries[str(member.id)])
        yield from _allowances(cast, member, users[str(member.id)], entries[str(member.id)])
    yield from _payments(cast, tree["creditEntries"])
    yield from _withdrawals(cast, tree["creditEntries"])
    yield from _reviews(cast)
    yield from _haikus(cast, tree["creditEntries"], tree["haikus"])
    yield from _works(cast, tree["creditEntries"], tree["haikus"])
    yield from _given_back(tree["creditEntries"])
    yield from _what_was_told(cast, tree["creditEntries"], tree["haikus"])
    yield from _opening(cast, entries)
    yield from _welcomes(cast, entries, users)
    yield from cast.wrong_buyers
    yield from cast.stuck


def _held(member: Member, user: dict[str, Any], ledger: list[dict[str, Any]]) -> Iterator[str]:
    """What is held is what the holds keep that have not ended; in the end that is nothing."""
    held = 0
    for entry in ledger:
        held -= entry["amount"] + entry.get("used", 0) if entry["kind"] in WORK_KINDS else 0
        if entry.get("held", 0) != held or held < 0:
            yield f"{member.email}: {entry['key']} says {entry.get('held', 0)} are held, and {held} are"
    if held or user.get("creditsHeld", 0):
        yield f"{member.email}: {held} and {user.get('creditsHeld')} credits are still held"


def _allowances(
    cast: Cast, member: Member, user: dict[str, Any], ledger: list[dict[str, Any]]
) -> Iterator[str]:
    """What a key spends counts under its name and day, an end under its hold's; never is it more than it may."""
    most = {each.name: each.most for each in cast.keyed.values()}
    spent, labels, day = Counter[str](), dict[str, str](), ""
    for entry in ledger:
        label = entry.get("allowance", "")
        name = _name_of_key(cast, entry)
        if entry["kind"] in ("spend", "hold") and name:
            day = max(day, datetime.fromtimestamp(entry["createdAt"] / 1000, UTC).date().isoformat())
            labels[f"end:{entry['key']}"] = due = f"{name}:{day}"
        else:
            due = labels.get(entry["key"], "")
        if label != due:
            yield f"{member.email}: {entry['key']} counts under {label or 'nothing'}, not under {due or 'nothing'}"
        if label:
            spent[label] -= entry["amount"]
            if not 0 <= spent[label] <= most.get(label.rpartition(":")[0], 0):
                yield f"{member.email}: {entry['key']} makes it {spent[label]} that are spent under {label}"
    latest = {label: credits for label, credits in spent.items() if label.endswith(day)}
    if user.get("allowances", {}) != latest:
        yield f"{member.email}: is said to have spent {user.get('allowances')}, and has {latest}"


def _name_of_key(cast: Cast, entry: dict[str, Any]) -> str:
    """The allowance of the key whose request an entry answers; empty where it was none's."""
    request = entry["key"].split(":")[2:3]
    return next((each.name for known, each in cast.keyed.items() if [str(known)] == request), "")


def _ledger(member: Member, user: dict[str, Any], ledger: list[dict[str, Any]]) -> Iterator[str]:
    """Balance = sum of entries; slots without gaps; no spend that the ledger could not cover."""
    if not ledger:
        return
    balance = 0
    for number, entry in enumerate(ledger, start=1):
        balance += entry["amount"]
        if entry["slot"] != f"{member.id}:{number}":
            yield f"{member.email}: entry {number} has the slot {entry['slot']}"
        if entry["balance"] != balance:
            yield f"{member.email}: entry {number} ({entry['key']}) leaves {entry['balance']}, the sum is {balance}"
        if entry["kind"] in ("spend", "take", "hold") and entry["balance"] < 0:
            yield f"{member.email}: {entry['key']} was not covered"
    if (user.get("credits"), user.get("creditSeq")) != (balance, len(ledger)):
        shown = f"{user.get('credits')} at {user.get('creditSeq')}"
        yield f"{member.email}: has {shown}, the ledger {balance} at {len(ledger)}"
    bought = sum(entry["kind"] == "purchase" for entry in ledger)
    if (user.get("purchases") or 0) != bought:
        yield f"{member.email}: is said to have bought {user.get('purchases')} times, and has {bought} times"
    keys = Counter(entry["key"] for entry in ledger)
    yield from (f"{member.email}: {key} stands {count} times" for key, count in keys.items() if count > 1)


def wrong_buyer(cast: Cast, member: Member, checkout_id: str) -> Iterator[str]:
    """A checkout is for the one customer that is saved, that Stripe still has, and who has the member's email."""
    users = cast.world.admin.query({"$users": {"$": {"where": {"id": str(member.id)}}}})["$users"]
    saved, buyer = users[0].get("stripeCustomerId"), cast.world.session(checkout_id)["customer"]
    living = {each["id"]: each["email"] for each in cast.world.customers_of(member)}
    if buyer != saved or living.get(saved) != member.email:
        yield f"{member.email}: buys as {buyer}, is saved as {saved}, and Stripe has {living}"


def _payments(cast: Cast, entries: list[dict[str, Any]]) -> Iterator[str]:
    """Each payment credited once, to its buyer, or not at all; claw-backs are what went back, pro rata."""
    known = set()
    for session in cast.world.sessions():
        known.add(session["id"])
        credited = [
            entry for entry in entries if entry["kind"] == "purchase" and session["id"] in entry["key"]
        ]
        is_owed = _is_paid(session) and session["id"] not in cast.edited
        owed = [(int(session["metadata"]["credits"]), session["metadata"]["member"])] if is_owed else []
        found = [(entry["amount"], entry["account"]) for entry in credited]
        if found != owed:
            was_edited = "edited, " if session["id"] in cast.edited else ""
            yield f"{session['id']} ({was_edited}{session['payment_status']}): credited {found}, owed {owed}"
        clawed = [
            entry["amount"]
            for entry in entries
            if entry["kind"] in CLAWED_BACK and entry.get("ref") == session["id"]
        ]
        due = _due_back(cast, session) if is_owed else 0
        if -sum(clawed) != due:
            yield f"{session['id']}: {clawed} clawed back, due {due}"
    for entry in entries:
        if entry["kind"] == "purchase" and entry["ref"] not in known:
            yield f"{entry['key']} was never paid"


def _withdrawals(cast: Cast, entries: list[dict[str, Any]]) -> Iterator[str]:
    """Who withdrew has the money or the credits, once."""
    keys = {entry["key"] for entry in entries}
    for session in cast.world.sessions():
        if session["payment_intent"] is None:
            continue
        key = f"withdraw:{session['id']}"
        refunds = cast.world.refunds(session["payment_intent"])
        made = [one for one in refunds if one["metadata"].get("withdrawal") == key]
        if len(made) > 1:
            yield f"{session['id']} was withdrawn from once, and repaid {len(made)} times"
        if made and key not in keys:
            yield f"{session['id']} was repaid, and its credits were not taken first"
        is_back = f"{key}:undone" in keys or _is_given_back(cast, session) or _was_disputed(cast, session)
        if key in keys and not made and not is_back:
            yield f"{session['id']} was withdrawn from, and neither money nor credits came back"
        if cast.withdrawn.get(session["id"]) and not made and not is_back:
            yield f"the buyer of {session['id']} was told of money that does not come"


def _was_disputed(cast: Cast, session: dict[str, Any]) -> bool:
    return bool(cast.world.disputes(session["payment_intent"]))


def _reviews(cast: Cast) -> Iterator[str]:
    """What was edited in Stripe and paid, and not given back, needs review, and nothing else does."""
    wanted = {
        session["id"]
        for session in cast.world.sessions()
        if session["id"] in cast.edited and _is_paid(session) and not _is_given_back(cast, session)
    }
    if wanted != cast.left_for_review:
        yield f"{sorted(cast.left_for_review)} need review, it should be {sorted(wanted)}"


def _is_paid(session: dict[str, Any]) -> bool:
    return session["status"] == "complete" and session["payment_status"] in PAID


def _is_given_back(cast: Cast, session: dict[str, Any]) -> bool:
    payment = session["payment_intent"]
    return payment is not None and _refunded(cast, payment) == session["amount_total"]


def _refunded(cast: Cast, payment: str) -> int:
    return sum(one["amount"] for one in cast.world.refunds(payment) if one["status"] not in UNDONE_REFUND)


def _due_back(cast: Cast, session: dict[str, Any]) -> int:
    payment, credits = session["payment_intent"], int(session["metadata"]["credits"])
    if payment is None:
        return 0
    back = _refunded(cast, payment)
    back += sum(one["amount"] for one in cast.world.disputes(payment) if one["status"] in STANDING_DISPUTE)
    paid = int(session["amount_total"])
    return int(credits * min(back, paid) // paid)


def _haikus(cast: Cast, entries: list[dict[str, Any]], haikus: list[dict[str, Any]]) -> Iterator[str]:
    """Spends = haikus, one each, and of the same member."""
    spends = {entry["ref"]: entry for entry in entries if entry["kind"] in PAYING}
    if len(spends) != sum(entry["kind"] in PAYING for entry in entries):
        yield "one haiku was paid for twice"
    for haiku in haikus:
        spend = spends.get(haiku["id"])
        if haiku.get("state") in ("writing", "failed"):
            if spend is not None or haiku["content"]:
                yield f"haiku {haiku['id']} is {haiku['state']}, and is paid for or written"
        elif spend is None:
            yield f"haiku {haiku['id']} was paid for by nobody"
        elif spend["account"] != haiku.get("author"):
            yield f"haiku {haiku['id']} of {haiku.get('author')} was paid for by {spend['account']}"
    there = {haiku["id"] for haiku in haikus} | {str(haiku) for haiku in cast.deleted}
    yield from (f"{spend['key']} paid for nothing" for ref, spend in spends.items() if ref not in there)


def _works(cast: Cast, entries: list[dict[str, Any]], haikus: list[dict[str, Any]]) -> Iterator[str]:
    """Each hold has one end, which gives back what is not paid; its row and whoever was told of it agree."""
    ends: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        if entry["kind"] in ("capture", "release"):
            ends[entry["ref"]].append(entry)
    holds = {entry["ref"]: entry for entry in entries if entry["kind"] == "hold"}
    rows = {haiku["id"]: haiku for haiku in haikus}
    yield from (f"the work on {ref} ended, and was never held for" for ref in ends.keys() - holds.keys())
    for ref, held in holds.items():
        found = [(end["kind"], end["amount"] + end.get("used", 0)) for end in ends[ref]]
        if found not in ([("capture", -held["amount"])], [("release", -held["amount"])]):
            yield f"{held['key']} held {-held['amount']} and ended with {found}"
        elif ref in rows:
            # One that was deleted and brought back says nothing, as one that was bought at once.
            if rows[ref].get("state", "done") != ("done" if found[0][0] == "capture" else "failed"):
                yield f"{held['key']} ended with {found}, and its row is {rows[ref].get('state')}"
        elif UUID(ref) not in cast.deleted:
            yield f"{held['key']} is for a row that is not there"
    yield from _what_workers_were_told(cast, [entry for entry in entries if entry["kind"] == "capture"])


def _what_workers_were_told(cast: Cast, captures: list[dict[str, Any]]) -> Iterator[str]:
    """Who was told that their work is paid pays just that, once; who was told that it failed pays nothing."""
    for request_id, work in cast.works.items():
        key = f"hold:{work.member.id}:{request_id}:"
        paid = {UUID(end["ref"]): end.get("used", 0) for end in captures if key in end["key"]}
        if len(paid) > 1:
            yield f"{work.member.email} paid {len(paid)} times for {request_id}"
        for item, used in work.captured.items():
            if paid.get(item) != used:
                yield f"{work.member.email} was told to pay {used} for {item}, and pays {paid.get(item)}"
        for item in work.failed & paid.keys():
            yield f"{work.member.email} was told that {item} failed, and pays {paid[item]}"


def _what_was_told(cast: Cast, entries: list[dict[str, Any]], haikus: list[dict[str, Any]]) -> Iterator[str]:
    """What people were told is true: of haikus, of resets, of purchases."""
    by_key = {entry["key"]: entry for entry in entries}
    there = {haiku["id"] for haiku in haikus} | {str(haiku) for haiku in cast.deleted}
    for request_id, told in cast.writes.items():
        spend = by_key.get(f"spend:{told.member.id}:{request_id}")
        yield from _what_is_done(request_id, told, spend, there)
        yield from _what_was_not_charged(request_id, told, spend)
        yield from _what_was_refused(cast, told)
        yield from _what_was_limited(cast, request_id, told)
    yield from _what_staff_did(cast, by_key)
    for checkout_id, member in cast.credited.items():
        entry = by_key.get(f"purchase:{checkout_id}")
        if entry is None or entry["account"] != str(member.id):
            yield f"{member.email} was told that {checkout_id} was added, and it was not"


def _what_staff_did(cast: Cast, by_key: dict[str, dict[str, Any]]) -> Iterator[str]:
    """What staff confirmed is there as they confirmed it, or not at all; and what they were told of it is true."""
    for move in cast.moves:
        entry = by_key.get(move.key)
        if entry is None:
            if "done" in move.answers:
                yield f"staff were told that {move.key} is done, and it is not"
            continue
        if (entry["account"], entry["amount"]) != (str(move.member.id), move.change):
            yield f"{move.key} of {move.change} for {move.member.email} moved {entry['amount']}"
        if move.left not in (None, entry["balance"]):
            yield f"a reset to {move.left} left {entry['balance']}"
        wrote_it = entry["note"] == move.reason  # two may give the same spend back
        if wrote_it and move.answers and set(move.answers) <= {"refused", "nothing came of this attempt"}:
            yield f"staff were told at each attempt that nothing came of {move.key}, and it is done"


def _given_back(entries: list[dict[str, Any]]) -> Iterator[str]:
    """Each spend is given back at most once, whole."""
    undos = [entry for entry in entries if entry["kind"] == "undo"]
    spends = {(entry["ref"], entry["account"]): entry for entry in entries if entry["kind"] in PAYING}
    for (ref, account), times in Counter((entry["ref"], entry["account"]) for entry in undos).items():
        if times > 1 or (ref, account) not in spends:
            yield f"the spend for {ref} is given back {times} times"


def _what_is_done(
    request_id: UUID, told: Told, spend: dict[str, Any] | None, there: set[str]
) -> Iterator[str]:
    """Who was told "done" has the haiku, on their topic, and paid for it."""
    for haiku_id, topic in told.done.items():
        if spend is None or spend["ref"] != str(haiku_id):
            yield f"{told.member.email} was told that {request_id} is done, and was not charged so"
        elif spend["note"] != topic:
            yield f"{told.member.email} asked for {topic} and was given {spend['note']}"
        if str(haiku_id) not in there:
            yield f"{told.member.email} was told that {request_id} is done, and has no haiku"


def _what_was_not_charged(request_id: UUID, told: Told, spend: dict[str, Any] | None) -> Iterator[str]:
    """Who was told "not charged", at each attempt or as the last word of all, was not."""
    if spend is None or not told.answers:
        return
    if set(told.answers) <= NEVER_CHARGED:
        yield f"{told.member.email} was told at each attempt that {request_id} was not charged, and it was"
    elif told.refused_for_good:
        yield f"{told.member.email} was told that {request_id} was not charged, and it was"


def _what_was_refused(cast: Cast, told: Told) -> Iterator[str]:
    """Who was told that they have too few credits had so many at some moment between asking and being told."""
    moves = cast.world.balances[told.member.id]
    for asked, answered, credits in told.poor:
        # Of what happened in the moment of asking, nobody knows the order.
        before = [balance for at, balance in moves if at < asked][-1:] or [0]
        meanwhile = [balance for at, balance in moves if asked <= at <= answered]
        if credits not in before + meanwhile:
            yield f"{told.member.email} was told of {credits} credits, and had {before + meanwhile}"


def _what_was_limited(cast: Cast, request_id: UUID, told: Told) -> Iterator[str]:
    """Whose key had nothing left of its day had spent so much at some moment between asking and being told."""
    allowance, moves = cast.keyed.get(request_id), cast.world.spent[told.member.id]
    if allowance is None:
        return
    for asked, answered, used in told.limited:
        before = [spent for at, spent in moves if at < asked][-1:]
        meanwhile = [spent for at, spent in moves if asked <= at <= answered]
        true = {spent[label] for spent in before + meanwhile for label in spent if _is_of(allowance, label)}
        if used not in true or used < allowance.most:
            yield f"{told.member.email} was told that {used} are spent of {allowance}, and {true} were"


def _is_of(allowance: Allowance, label: str) -> bool:
    return label.rpartition(":")[0] == allowance.name


def _opening(cast: Cast, entries: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Credits from before the ledger are there once, first."""
    for member, credits in zip(cast.members, cast.opening, strict=True):
        ledger = entries[str(member.id)]
        grants = [entry["amount"] for entry in ledger if entry["kind"] == "opening"]
        if ledger and grants != ([credits] if credits else []):
            yield f"{member.email}: had {credits} credits before the ledger, granted {grants}"


def _welcomes(
    cast: Cast, entries: dict[str, list[dict[str, Any]]], users: dict[str, dict[str, Any]]
) -> Iterator[str]:
    """Credits to begin with: once for each mailbox, however many accounts it has."""
    for number in range(len(cast.members)):
        accounts = [user for user, row in users.items() if row["email"].startswith(f"member{number}")]
        given = [
            entry["amount"]
            for user in accounts
            for entry in entries[user]
            if entry["key"].startswith("welcome:")
        ]
        if given not in ([[WELCOME]] if number in cast.arrived else [[], [WELCOME]]):
            yield f"the mailbox of member {number} was given {given} to begin with"


def ledger_of(cast: Cast, member: Member) -> dict[str, dict[str, Any]]:
    """A member's entries by their ids, in the order of their numbers; also of one who has left."""
    entries = cast.world.admin.query({"creditEntries": {}})["creditEntries"]
    own = [entry for entry in entries if entry["slot"].startswith(str(member.id))]
    return {
        entry["id"]: entry for entry in sorted(own, key=lambda each: int(each["slot"].rpartition(":")[2]))
    }


def left_behind(cast: Cast, leaver: Member, before: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Of who has left: every entry that was there, and those that came since, as numbers, and nothing else."""
    tree = cast.world.admin.query({"$users": {}, "haikus": {}})
    after, users = ledger_of(cast, leaver), {user["id"] for user in tree["$users"]}
    if str(leaver.id) in users:
        yield f"{leaver.email} has left and is there"
    orphans = [haiku for haiku in tree["haikus"] if haiku.get("author") not in users]
    yield from (
        f"{row} is there, and {leaver.email} is not" for row in (*orphans, *cast.world.customers_of(leaver))
    )
    for entry_id, was in before.items():
        kept = after.get(entry_id)
        if kept is None or any(kept.get(name) != was.get(name) for name in NUMBERS):
            yield f"{was} was left as {kept}"
    yield from (f"{each} has words in it" for each in after.values() if each.get("note") or each.get("actor"))
    balance = 0
    for entry in after.values():
        balance += entry["amount"]
        if entry["balance"] != balance:
            yield f"{entry} leaves another balance than the sum, {balance}"
