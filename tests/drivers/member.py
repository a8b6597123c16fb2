"""Somebody who uses the site as a browser or a script would: with cookies, a CSRF token, and their mail."""

from __future__ import annotations

import re
import time
from email import message_from_string, policy
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import requests

from sandbox.world import World

PAYS = "4242424242424242"
DECLINED = "4000000000000002"
FREE = "TESTING100"
JSON = {"Accept": "application/json"}
HTMX = {"HX-Request": "true", "Accept": "text/html"}
TIMEOUT_S = 60


class MemberClient:
    """One browser. `site` may be changed to another process of the same site: the cookies serve there too."""

    def __init__(self, site: str, mail_dir: Path) -> None:
        self.site = site
        self.email = ""
        self.mail_dir = mail_dir
        self.http = requests.Session()
        if site.startswith("https:"):
            self.http.headers["Origin"] = site  # Django asks for it there, or for a Referer

    @classmethod
    def at(cls, world: World) -> MemberClient:
        """A fresh browser, at the first process of the site."""
        return cls(world.site_url, world.mail_dir)

    def tab(self, site: str) -> MemberClient:
        """Another tab of this browser, at this process of the site."""
        tab = MemberClient(site, self.mail_dir)
        tab.http.cookies.update(self.http.cookies)
        return tab

    def get(self, path: str, **headers: str) -> requests.Response:
        """A GET, without following redirects."""
        return self.http.get(self.site + path, headers=headers, timeout=TIMEOUT_S, allow_redirects=False)

    def post(self, path: str, data: dict[str, Any] | None = None, /, **headers: str) -> requests.Response:
        """A form POST with the CSRF token, without following redirects."""
        return self.http.post(
            self.site + path,
            data=data or {},
            headers={"X-CSRFToken": self._csrf_token()} | headers,
            timeout=TIMEOUT_S,
            allow_redirects=False,
        )

    def sign_in(self, email: str | None = None) -> MemberClient:
        """Sign in by the code in the mail; a fresh email unless one is given."""
        self.email = email or f"member-{uuid4().hex[:12]}@example.com"
        self.ask_for_code(self.email)
        answer = self.enter_code(self.code())
        assert (answer.status_code, answer.headers.get("Location")) == (303, "/"), answer.text
        return self

    def ask_for_code(self, email: str) -> requests.Response:
        """Have a code mailed."""
        answer = self.post("/sign-in/", {"email": email})
        assert (answer.status_code, answer.headers.get("Location")) == (303, "/sign-in/code/"), answer.text
        return answer

    def enter_code(self, code: str, **headers: str) -> requests.Response:
        """Enter a code on the page that asks for it."""
        return self.post("/sign-in/code/", {"code": code}, **headers)

    def mails(self, email: str | None = None) -> list[str]:
        """The texts mailed to the member, oldest first."""
        to = f"To: {(email or self.email).lower()}\n"
        paths = sorted(self.mail_dir.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        # A connection's mails share a file.
        texts = [text for path in paths for text in re.split(r"^-{79}$", path.read_text(), flags=re.M)]
        return [text for text in texts if to in text]

    def codes(self, email: str | None = None) -> list[str]:
        """The codes mailed to the member, oldest first."""
        subjects = self._said("Subject", email or self.email)
        return [code for subject in subjects for code in re.findall(r"^\d{6}\b", subject)]

    def code(self, email: str | None = None) -> str:
        """The newest of them."""
        return self.codes(email)[-1]

    def unsubscribe_pages(self) -> list[str]:
        """Where the member's mails lead who wants no more of them, oldest first."""
        return [urlsplit(said.strip(" <>")).path for said in self._said("List-Unsubscribe", self.email)]

    def _said(self, header: str, email: str) -> list[str]:
        mails = (message_from_string(text.lstrip(), policy=policy.default) for text in self.mails(email))
        return [str(mail[header]) for mail in mails if header in mail]

    def credits(self) -> int:
        """The balance that the site shows."""
        answer = self.get("/api/credits", **JSON)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["credits"])

    def open_checkout(self, pack: str = "price_sandbox10") -> str:
        """Start a checkout; the address of Stripe's page."""
        answer = self.post("/api/stripe/checkout", {"pack": pack}, **JSON)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["url"])

    def pay(self, page: str, card: str = PAYS, code: str = "") -> requests.Response:
        """Fill in Stripe's page and press Pay."""
        form = {"card_number": card} | ({"promotion_code": code} if code else {})
        return requests.post(page, data=form, timeout=TIMEOUT_S, allow_redirects=False)

    def buy(self, *, card: str = PAYS, code: str = "", pack: str = "price_sandbox10") -> str:
        """Buy a pack as far as Stripe sending the buyer back; the checkout's id."""
        return checkout_in(self.pay(self.open_checkout(pack), card, code))

    def sync(self, checkout_id: str, **headers: str) -> requests.Response:
        """What the page does when the buyer is back."""
        return self.post("/api/stripe/sync", {"session_id": checkout_id}, **(headers or JSON))

    def write(
        self, topic: str = "rain", request_id: str | None = None, /, **headers: str
    ) -> requests.Response:
        """Ask for a haiku."""
        form = {"topic": topic, "request_id": request_id or str(uuid4())}
        return self.post("/api/generate", form, **(headers or JSON))

    def haikus(self) -> list[dict[str, Any]]:
        """All the member's haikus, newest first."""
        return self._all("/haikus/", "haikus")

    def history(self) -> list[dict[str, Any]]:
        """The member's whole ledger, newest first."""
        return self._all("/history/", "entries")

    def ledger(self) -> list[tuple[str, int, int]]:
        """The whole ledger as kinds, amounts and balances, oldest first."""
        entries = reversed(self.history())
        return [(entry["kind"], entry["amount"], entry["balance"]) for entry in entries]

    def _all(self, path: str, name: str) -> list[dict[str, Any]]:
        """What a list has on all its pages."""
        found: list[dict[str, Any]] = []
        page = self.get(path, **JSON).json()
        while page["next"]:
            found += page[name]
            page = self.get(f"{path}?before={page['next']}", **JSON).json()
        return found + list(page[name])

    def await_credits(self, credits: int, limit_s: float = 30.0) -> None:
        """Wait until the site shows this balance."""
        deadline = time.monotonic() + limit_s
        while (found := self.credits()) != credits:
            assert time.monotonic() < deadline, f"{found} credits after {limit_s} s, not {credits}"
            time.sleep(0.1)

    def _csrf_token(self) -> str:
        name = "__Host-csrftoken" if self.site.startswith("https:") else "csrftoken"
        if name not in self.http.cookies:
            self.get("/")
        return str(self.http.cookies[name])


def checkout_in(answer: requests.Response) -> str:
    """The id of the checkout with which Stripe's page sends the buyer back."""
    assert answer.status_code == 303, answer.text
    return parse_qs(urlsplit(answer.headers["Location"]).query)["session_id"][0]
