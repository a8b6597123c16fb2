"""Whether an app's rules are really closed, found out by trying what nobody but the server may do.

Two throw-away members are made; one of them gets a small ledger that adds up, and a row of everything that
credits buy. Then a guest, that member and the other one try to read and write them. Writing is tried with
Instant's own permission check, which writes nothing; where a server has none, in earnest. At the end, and
whatever happens on the way, the members and all rows go again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from instant_admin.client.admin import Impersonation, InstantAdmin
from instant_admin.client.errors import InstantBusy, InstantError, InstantRejected, NoSuchRoute
from instant_admin.client.schema import Documents
from instant_admin.client.steps import create, delete, link, unlink, update
from instant_admin.client.times import epoch_ms
from instant_admin.client.types import Step
from instant_admin.ledger.entries import ENTRIES, slot_of
from instant_admin.ledger.rules import Kind

USERS: Final = "$users"
GUEST: Final = "a guest"
OWNER: Final = "the member"
STRANGER: Final = "another member"

NewId = Callable[[], UUID]
_TRIES_TO_LEAVE: Final = 3
_DENIALS: Final = ("permission-denied", "permission-evaluation-failed")


class LeftBehind(Exception):
    """The throw-away members, or their rows, could not be deleted again. All carry `word` in a text of theirs."""

    def __init__(self, word: str) -> None:
        super().__init__(f"Something of {word} was left behind")
        self.word = word


@dataclass(frozen=True, slots=True)
class Fixture:
    """What the attempts are about: whose the rows are, and which there are by namespace."""

    owner: UUID
    stranger: UUID
    rows: Mapping[str, UUID]
    labels: Mapping[str, str]
    spare: Mapping[str, UUID]
    word: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something that the rules must refuse, and whom they must refuse it."""

    what: str
    step: Step
    roles: tuple[str, ...] = (GUEST, OWNER, STRANGER)
    # A server without a permission check would have to do it, and it could not be undone without a trace.
    only_as_check: bool = False


def find_open_rules(
    instant: InstantAdmin, documents: Documents, *, now: datetime, new_id: NewId
) -> Generator[str, None, None]:
    """What the live rules let people do that only the server may, a clause each; `documents` says what there is.

    Raises `InstantError`, and `LeftBehind` when it could not tidy up.
    """
    word = f"doctor-{new_id().hex}"
    bought = [name for name in documents.schema["entities"] if name not in (USERS, ENTRIES)]
    rows = {name: new_id() for name in (*bought, ENTRIES)}
    spare = {name: new_id() for name in rows}
    entries = [rows[ENTRIES], *(new_id() for _ in bought)]
    emails = [f"{who}@{word}.invalid" for who in ("owner", "stranger")]
    try:
        people = [instant.create_token(email=email)["user"] for email in emails]
        owner, stranger = (UUID(person["id"]) for person in people)
        fixture = Fixture(owner, stranger, rows, _owner_labels(documents), spare, word)
        instant.transact(_fixture_rows(documents, fixture, entries, now))
        roles = {
            GUEST: instant.as_guest(),
            OWNER: instant.as_member(people[0]["refresh_token"]),
            STRANGER: instant.as_member(people[1]["refresh_token"]),
        }
        yield from _readable(roles, fixture)
        for attempt in _attempts(documents, fixture, new_id):
            for role in attempt.roles:
                if _may(roles[role], attempt):
                    yield f"{role} can {attempt.what}"
    finally:
        kept = [*rows.items(), *spare.items(), *((ENTRIES, entry) for entry in entries)]
        _leave(instant, word, emails, [delete(name, row) for name, row in kept])


def _leave(instant: InstantAdmin, word: str, emails: Sequence[str], steps: Sequence[Step]) -> None:
    """Delete what may have been made, each by itself. It was not, or is gone: no error."""

    # The members first: what is left of a ledger then is as if its member had left, to an audit.
    tasks: list[Callable[[], object]] = [partial(instant.delete_user, email=email) for email in emails]
    tasks.append(partial(instant.transact, steps))
    undone = [task for task in tasks if not _done(task)]
    if undone:
        raise LeftBehind(word)


def _done(task: Callable[[], object]) -> bool:
    for _ in range(_TRIES_TO_LEAVE):
        try:
            task()
        except InstantError:
            continue
        return True
    return False


def _owner_labels(documents: Documents) -> dict[str, str]:
    """The label by which each namespace's rows are linked to a member."""
    forwards = [
        wanted["forward"] for wanted in documents.schema["links"].values() if wanted["reverse"]["on"] == USERS
    ]
    return {forward["on"]: forward["label"] for forward in forwards}


def _fixture_rows(documents: Documents, fixture: Fixture, entries: list[UUID], now: datetime) -> list[Step]:
    """A ledger that adds up, a spend for each row that credits buy: an audit at this moment finds no fault."""
    bought = [name for name in fixture.rows if name != ENTRIES]
    movements: list[tuple[Kind, int, str]] = [(Kind.GRANT, len(bought), "")]
    movements += [(Kind.SPEND, -1, str(fixture.rows[name])) for name in bought]
    steps = [update(USERS, fixture.owner, {"credits": 0, "creditSeq": len(entries)})]
    for seq, (entry, (kind, amount, ref)) in enumerate(zip(entries, movements, strict=True), start=1):
        row = {
            "key": f"{kind}:{fixture.owner}:{fixture.word}-{seq}",
            "slot": slot_of(fixture.owner, seq),
            "kind": kind,
            "amount": amount,
            "balance": len(entries) - seq,
            "note": "A test of the rules",
            "ref": ref,
            "createdAt": epoch_ms(now),
        }
        steps.append(create(ENTRIES, entry, row))
        steps.append(link(ENTRIES, entry, {fixture.labels[ENTRIES]: fixture.owner}))
    for name in bought:
        steps.append(create(name, fixture.rows[name], _sample(documents, name, fixture.word)))
        if name in fixture.labels:
            steps.append(link(name, fixture.rows[name], {fixture.labels[name]: fixture.owner}))
    return steps


def _sample(documents: Documents, namespace: str, word: str) -> dict[str, Any]:
    """A value for every attribute of a namespace."""
    attributes = documents.schema["entities"][namespace]["attrs"]
    by_type = {"string": word, "number": 0, "boolean": False, "date": 0}
    return {label: by_type.get(wanted["valueType"], {}) for label, wanted in attributes.items()}


def _attempts(documents: Documents, fixture: Fixture, new_id: NewId) -> Iterator[Attempt]:
    for label, value in _sample(documents, USERS, fixture.word).items():
        # Instant keeps the email itself, and lets nobody change it.
        if label != "email":
            yield Attempt(f"change {USERS}.{label}", update(USERS, fixture.owner, {label: value}))
    for name, row in fixture.rows.items():
        is_ledger = name == ENTRIES
        sample = _sample(documents, name, fixture.word)
        yield Attempt(f"create a row of {name}", create(name, fixture.spare[name], sample))
        some = next(label for label in sample if label not in ("key", "slot"))
        yield Attempt(f"change a row of {name}", update(name, row, {some: sample[some]}))
        # What was bought is its owner's to throw away; a ledger is nobody's.
        others = (GUEST, OWNER, STRANGER) if is_ledger else (GUEST, STRANGER)
        yield Attempt(f"delete a row of {name}", delete(name, row), others)
        if name in fixture.labels:
            label = fixture.labels[name]
            yield Attempt(f"link a row of {name}", link(name, row, {label: fixture.stranger}))
            yield Attempt(f"unlink a row of {name}", unlink(name, row, {label: fixture.owner}))
    yield Attempt("add an attribute", _new_attribute(fixture, new_id), only_as_check=True)


def _new_attribute(fixture: Fixture, new_id: NewId) -> Step:
    return [
        "add-attr",
        {
            "id": str(new_id()),
            "forward-identity": [str(new_id()), ENTRIES, fixture.word],
            "value-type": "blob",
            "cardinality": "one",
            "unique?": False,
            "index?": False,
        },
    ]


def _readable(roles: Mapping[str, Impersonation], fixture: Fixture) -> Iterator[str]:
    for name, row in {USERS: fixture.owner, **fixture.rows}.items():
        for role, rights in roles.items():
            found = rights.query({name: {"$": {"where": {"id": str(row)}}}})[name]
            if role == OWNER and not found:
                yield f"{role} cannot read their own row of {name}"
            elif role != OWNER and found:
                yield f"{role} can read a member's row of {name}"


def _may(role: Impersonation, attempt: Attempt) -> bool:
    try:
        return role.may_transact([attempt.step])
    except InstantRejected as exc:
        # What is refused for another reason than a rule says nothing about the rules.
        if exc.refusal.type not in _DENIALS:
            raise
        return False
    except NoSuchRoute:
        pass
    return not attempt.only_as_check and _did(role, attempt)


def _did(role: Impersonation, attempt: Attempt) -> bool:
    """Try in earnest. Only rows that go again at the end are touched."""
    try:
        role.transact([attempt.step])
    except InstantBusy:
        raise
    except InstantRejected:
        # Not for a rule's sake perhaps, but because an attempt that succeeded has changed the rows.
        return False
    return True
