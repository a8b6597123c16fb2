"""The app that the contract cases are about: some books that nobody changes, and room for what cases write."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from instant_admin.client.steps import create, link
from instant_admin.client.types import Step


def attr(kind: str, *, unique: bool = False, indexed: bool = False, required: bool = False) -> dict[str, Any]:
    """One attribute of a schema document."""
    return {"valueType": kind, "required": required, "config": {"unique": unique, "indexed": indexed}}


def _links(forward: tuple[str, str, str], reverse: tuple[str, str, str], **options: str) -> dict[str, Any]:
    def side(end: tuple[str, str, str]) -> dict[str, Any]:
        return dict(zip(("on", "has", "label"), end, strict=True))

    return {"forward": side(forward) | options, "reverse": side(reverse)}


SCHEMA: Final[dict[str, Any]] = {
    "entities": {
        "$users": {"attrs": {"email": attr("string", unique=True, indexed=True), "nick": attr("string")}},
        "authors": {"attrs": {"name": attr("string", unique=True, indexed=True, required=True)}},
        "books": {
            "attrs": {
                "title": attr("string", indexed=True),
                "pages": attr("number", indexed=True),
                "lent": attr("boolean", indexed=True),
                "printed": attr("date", indexed=True),
                "shelf": attr("string"),
            }
        },
        "notes": {
            "attrs": {
                "key": attr("string", unique=True, indexed=True, required=True),
                "text": attr("string"),
                "stars": attr("number"),
                "meta": attr("json"),
            }
        },
        "seals": {"attrs": {"color": attr("string")}},
    },
    "links": {
        "booksAuthor": _links(("books", "one", "author"), ("authors", "many", "books"), onDelete="cascade"),
        "notesOwner": _links(("notes", "one", "owner"), ("$users", "many", "notes")),
        "sealsNote": _links(("seals", "one", "note"), ("notes", "one", "seal")),
    },
}

PERMS: Final[dict[str, Any]] = {
    "$default": {"allow": {"$default": "false"}},
    "attrs": {"allow": {"create": "false"}},
    "notes": {
        "bind": {"isOwner": "auth.id != null && auth.id in data.ref('owner.id')"},
        "allow": {
            "view": "isOwner || ruleParams.key == data.key",
            "create": "isOwner",
            "update": "isOwner && request.modifiedFields.all(field, field == 'text')",
            "delete": "false",
        },
        "fields": {"stars": "isOwner"},
    },
}


def _book(number: int) -> UUID:
    return UUID(f"00000000-0000-4000-8000-0000000000b{number}")


_WOOLF, _ECO = (UUID(f"00000000-0000-4000-8000-0000000000a{n}") for n in (1, 2))
LIBRARY: Final[list[Step]] = [
    create("authors", _WOOLF, {"name": "Woolf"}),
    create("authors", _ECO, {"name": "Eco"}),
    create("books", _book(1), {"title": "Orlando", "pages": 333, "lent": True, "printed": "1928-10-11"}),
    create("books", _book(2), {"title": "The Waves", "pages": 324, "lent": False, "shelf": "w"}),
    create("books", _book(3), {"title": "Baudolino", "pages": 521, "lent": None, "printed": 974_000_000_000}),
    create("books", _book(4), {"title": "the unwritten"}),
    link("books", _book(1), {"author": _WOOLF}),
    link("books", _book(2), {"author": _WOOLF}),
    link("authors", _ECO, {"books": [_book(3)]}),
]
BOOK_IDS: Final = [str(_book(number)) for number in (1, 2, 3, 4)]
WOOLF_ID: Final = str(_WOOLF)
