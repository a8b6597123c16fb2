"""The card of a haiku, which is rendered once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.test import Client
from django.utils.translation import override

from haikus.store import Haiku
from haikus.templatetags.cards import CARDS_KEPT, card, rendered
from tests.drivers.signed_in import ADA, browser_of
from tests.drivers.site import opened

RAIN = Haiku(id=uuid4(), topic="<rain>", content="a\nb\nc", created_at=datetime(2026, 3, 1, tzinfo=UTC))


def test_a_card_is_rendered_once_and_again_when_the_haiku_is_another() -> None:
    assert card(RAIN) is card(replace(RAIN))
    assert "&lt;rain&gt;" in card(RAIN)
    assert "snow" in card(replace(RAIN, topic="snow"))
    assert rendered.cache_info().maxsize == CARDS_KEPT


def test_a_card_is_in_the_language_of_its_page_and_its_poem_is_not() -> None:
    with override("de"):
        german = card(RAIN)
    assert ">Löschen<" in german
    assert ">1. März 2026<" in german
    assert '<p class="poem" lang="en">' in german
    assert ">Delete<" in card(RAIN)


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["/", "/haikus/"])
def test_the_form_that_the_buttons_of_cards_send_is_on_the_page(page: str) -> None:
    assert 'form="delete"' in card(RAIN)
    with opened() as site:
        ada: Client = browser_of(site.member())
        assert '<form id="delete" method="post"><input type="hidden" name="csrfmiddlewaretoken"' in (
            ada.get(page).content.decode()
        )


def test_nothing_on_a_card_is_about_who_looks_at_it() -> None:
    assert "csrf" not in card(RAIN)
    assert str(ADA.id) not in card(RAIN)
