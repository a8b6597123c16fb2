"""Limits count in the database, evenly, and tell how long to wait."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.limits import Quota, TooOften, count
from accounts.models import Bucket

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def three_an_hour(settings: Any) -> None:
    settings.CODES_PER_ADDRESS_PER_HOUR = 3


def use(of: str = "ada") -> Quota | None:
    return count("CODES_PER_ADDRESS_PER_HOUR", of=of)


def test_so_many_at_once_and_then_as_many_in_each_period() -> None:
    for _ in range(3):
        use()
    with pytest.raises(TooOften) as refused:
        use()
    assert 1199 <= refused.value.retry_after_s <= 1200
    assert refused.value.wait == "20 minutes"
    use("babbage")
    # Twenty minutes later, there is room for one.
    for bucket in Bucket.objects.all():
        bucket.empty_at -= timedelta(minutes=20)
        bucket.save()
    use()
    with pytest.raises(TooOften):
        use()


def test_whoever_counts_is_told_what_is_left_in_the_words_of_the_draft() -> None:
    told = [quota.headers["RateLimit"] for _ in range(3) if (quota := use())]
    assert told == [f'"codes";r={left};t={full}' for left, full in ((2, 1200), (1, 2400), (0, 3600))]
    with pytest.raises(TooOften) as refused:
        use()
    assert refused.value.quota.headers == {
        "RateLimit-Policy": '"codes";q=3;w=3600',
        "RateLimit": '"codes";r=0;t=3600',
    }


def test_what_is_refused_is_not_counted() -> None:
    for _ in range(3):
        use()
    before = Bucket.objects.get().empty_at
    for _ in range(5):
        with pytest.raises(TooOften):
            use()
    assert Bucket.objects.get().empty_at == before
    assert before <= timezone.now() + timedelta(hours=1)


def test_limits_can_be_turned_off(settings: Any) -> None:
    settings.LIMITS_ENABLED = False
    assert [use() for _ in range(10)] == [None] * 10
    assert not Bucket.objects.exists()
