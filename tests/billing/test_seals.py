"""A seal is intact for what it was made for, and for nothing else."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import override_settings

from billing.seals import SEALED, Seal, named_in, seal_of, sealed_reference

MADE_FOR = {
    "app": "the-app",
    "member": "aaaaaaaa-0000-4000-8000-000000000001",
    "pack": "10",
    "price": "price_ten",
    "quantity": "2",
    "credits": "20",
}
REFERENCE = sealed_reference(MADE_FOR)


def test_what_was_sealed_is_intact_whatever_else_is_noted_beside_it() -> None:
    assert seal_of(REFERENCE, MADE_FOR | {"creditsProcessed": "true"}) is Seal.INTACT


@pytest.mark.parametrize("name", SEALED)
def test_a_value_that_was_edited_or_taken_out_breaks_the_seal(name: str) -> None:
    edited = MADE_FOR | {name: MADE_FOR[name] + "0"}
    taken_out = {key: value for key, value in MADE_FOR.items() if key != name}
    assert (seal_of(REFERENCE, edited), seal_of(REFERENCE, taken_out)) == (Seal.BROKEN, Seal.BROKEN)


def test_values_cannot_change_places() -> None:
    moved = MADE_FOR | {"pack": MADE_FOR["quantity"], "quantity": MADE_FOR["pack"]}
    assert seal_of(REFERENCE, moved) is Seal.BROKEN


@pytest.mark.parametrize("name", ["app", "member"])
def test_a_seal_is_none_of_another_app_or_member(name: str) -> None:
    moved = REFERENCE.replace(MADE_FOR[name], "another")
    assert seal_of(moved, MADE_FOR) is Seal.BROKEN
    assert seal_of(moved, MADE_FOR | {name: "another"}) is Seal.BROKEN


def test_whose_a_checkout_is_cannot_be_edited() -> None:
    assert named_in(REFERENCE, {}) == (MADE_FOR["app"], MADE_FOR["member"])
    assert named_in(MADE_FOR["member"], MADE_FOR) == (MADE_FOR["app"], MADE_FOR["member"])


@pytest.mark.parametrize("seal", ["", "x", "é", "a:b"])
def test_what_is_no_seal_is_a_broken_one(seal: str) -> None:
    assert seal_of(f"{MADE_FOR['app']}:{MADE_FOR['member']}:{seal}", MADE_FOR) is Seal.BROKEN


@pytest.mark.parametrize("reference", ["", MADE_FOR["member"]])
def test_a_version_without_seals_left_none(reference: str) -> None:
    assert seal_of(reference, MADE_FOR) is Seal.MISSING


def test_a_seal_outlives_its_key_for_as_long_as_that_is_a_fallback() -> None:
    with override_settings(SECRET_KEY="the next", SECRET_KEY_FALLBACKS=["another", settings.SECRET_KEY]):
        assert seal_of(REFERENCE, MADE_FOR) is Seal.INTACT
    with override_settings(SECRET_KEY="the next", SECRET_KEY_FALLBACKS=["another"]):
        assert seal_of(REFERENCE, MADE_FOR) is Seal.BROKEN
