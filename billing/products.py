"""What credits buy here. A product's app registers it; spending, history and audit work from this list.

class CoupletsConfig(AppConfig):
    def ready(self) -> None:
        register(COUPLET)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import ngettext


class State(StrEnum):
    """How far a row is whose credits are held, in its attribute `state`; one that was bought at once has none."""

    WRITING = "writing"
    DONE = "done"
    FAILED = "failed"

    @classmethod
    def of(cls, row: Mapping[str, object]) -> State:
        """That of a row; one that says nothing that we know was paid for when it was made."""
        return next((each for each in (cls.WRITING, cls.FAILED) if row.get("state") == each), cls.DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """Something that credits buy.

    `name` is stored with each spend, so it never changes. What is bought is a row of the Instant namespace
    `namespace`, which has an indexed number `createdAt` (milliseconds since 1970) and a link `owner` to `$users`.
    `noun` is what people call one, `bought` the line of a history; `gettext_noop` marks them for other languages.
    `price` is in credits, or a function of what was asked for (the note of the spend) that always gives the same.
    `rate` is in credits for one of whatever it uses, or 0. `page` is the name of the address at which one is shown,
    which takes its id; empty where there is none. Where credits are held for it, its rows have two more strings:
    `state`, a `State`, and `error`, why it failed: `failed`, `expired` or a word of the product's own.
    """

    name: str
    namespace: str
    owner: str
    noun: str
    bought: str
    price: int | Callable[[str], int]
    rate: Decimal | Callable[[], Decimal] = Decimal(0)
    page: str = ""

    def price_of(self, note: str) -> int:
        """What it costs in credits."""
        return self.price if isinstance(self.price, int) else self.price(note)

    def address_of(self, item_id: UUID) -> str | None:
        """Where one is shown; None where it has no page of its own."""
        return reverse(self.page, args=[item_id]) if self.page else None


_registered: dict[str, Product] = {}


def register(product: Product) -> None:
    """Have `product` for sale. Raises `ImproperlyConfigured` when its name is taken by another."""
    if _registered.setdefault(product.name, product) != product:
        raise ImproperlyConfigured(f"Two products are called {product.name}")


def products() -> tuple[Product, ...]:
    """All that credits buy here."""
    return tuple(_registered.values())


def product_called(name: str) -> Product | None:
    """The product that an entry names; None for one that is no longer here, or none at all."""
    return _registered.get(name)


def credits_text(credits: int) -> str:
    """An amount of credits as people read it, such as "1 credit" or "10 credits"."""
    return ngettext("%(number)s credit", "%(number)s credits", credits) % {"number": number_text(credits)}


def number_text(number: int) -> str:
    """A number as people read it, such as 1,234, with a true minus sign."""
    return number_format(number, force_grouping=True).replace("-", "\N{MINUS SIGN}")
