"""The staff's desk in the admin, over real sockets."""

from __future__ import annotations

import re

import requests

from sandbox.world import STAFF_USERNAME, World
from tests.drivers.member import MemberClient


class Desk(MemberClient):
    """A browser in which staff have logged in."""

    @classmethod
    def of(cls, world: World) -> Desk:
        """That of the world's own staff."""
        desk = cls(world.site_url, world.mail_dir)
        desk.get("/admin/login/")
        form = {"username": STAFF_USERNAME, "password": world.keys.staff_password, "next": "/admin/"}
        answer = desk.post("/admin/login/?next=/admin/", form)
        assert answer.status_code == 302, answer.text
        return desk

    def page_of(self, email: str) -> str:
        """The path of a member's page."""
        found = self.get(f"/admin/billing/member/?q={email}")
        assert email in found.text
        return str(re.findall(r"/admin/billing/member/[0-9a-f-]{36}/[a-z]*/?", found.text)[0])

    def form_of(self, email: str, action: str) -> str:
        """The path of the form that grants, takes or resets."""
        (path,) = re.findall(rf'href="([^"]*/{action}/)"', self.get(self.page_of(email)).text)
        return str(path)

    def preview(self, path: str, **typed: str) -> requests.Response:
        """Fill the form in and send it once: it says what it would do."""
        return self.post(path, fields_of(self.get(path).text) | typed)

    def move(self, email: str, action: str, credits: int) -> None:
        """Grant, take or reset."""
        path = self.form_of(email, action)
        preview = self.preview(path, credits=str(credits), reason="Agreed by telephone")
        assert self.post(path, fields_of(preview.text)).status_code == 303


def fields_of(page: str) -> dict[str, str]:
    """What the form of a page would send."""
    (form,) = re.findall(r'<form method="post" novalidate>.*?</form>', page, re.DOTALL)
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
