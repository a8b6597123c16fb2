"""From where the staff's pages are there."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.staff.checks import check_staff_networks

OFFICE = ["203.0.113.0/24", "2001:db8::/32"]


def status(address: str, path: str = "/admin/login/") -> int:
    return Client(REMOTE_ADDR=address).get(path).status_code


def test_without_networks_they_are_there_for_everybody() -> None:
    assert status("198.51.100.9") == 200


@pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8::7", "::ffff:203.0.113.7"])
def test_they_are_there_from_a_network_of_the_settings(address: str, settings: Settings) -> None:
    settings.STAFF_NETWORKS = OFFICE
    assert list(check_staff_networks(None)) == []
    assert status(address) == 200


@pytest.mark.parametrize("address", ["198.51.100.9", "2001:db9::7", "::ffff:198.51.100.9", "", "a socket"])
@pytest.mark.parametrize("path", ["/admin/login/", "/admin/", "/admin/two-factor/", "/admin/nowhere"])
def test_from_elsewhere_nothing_is_there(address: str, path: str, settings: Settings) -> None:
    settings.STAFF_NETWORKS = OFFICE
    assert status(address, path) == 404


def test_who_is_logged_in_and_comes_from_elsewhere_gets_nothing_either(
    logged_in: Client, settings: Settings
) -> None:
    settings.STAFF_NETWORKS = OFFICE
    assert logged_in.get("/admin/", REMOTE_ADDR="198.51.100.9").status_code == 404
    assert logged_in.get("/admin/", REMOTE_ADDR="203.0.113.7").status_code == 200


@pytest.mark.django_db
def test_the_rest_of_the_site_is_there_for_everybody(settings: Settings) -> None:
    settings.STAFF_NETWORKS = OFFICE
    assert status("198.51.100.9", "/sign-in/") == 200


@pytest.mark.parametrize("network", ["203.0.113.0/33", "203.0.113.7/24", "office", ""])
def test_what_is_no_network_is_an_error_of_the_settings(network: str, settings: Settings) -> None:
    settings.STAFF_NETWORKS = ["203.0.113.0/24", network]
    (found,) = check_staff_networks(None)
    assert (found.id, found.level) == ("accounts.E010", 40)
