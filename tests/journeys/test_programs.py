"""Programs of a member, over real sockets."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Final

import pytest
import requests

from sandbox.world import World
from tests.drivers.deep import deep_but_for
from tests.drivers.member import JSON, MemberClient

API: Final = Path(__file__).resolve().parent.parent.parent / "docs" / "api.md"
PROGRAMS: Final = 100
REPEATS: Final = 20  # where there is the time


def key_of(member: MemberClient, **form: str) -> str:
    """A new key of the member's."""
    made = member.post("/account/keys/", {"name": "a program", "scope": "spend"} | form, **JSON)
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


def run(program: list[str], code: str, *, site: str, key: str) -> str:
    """What an example prints."""
    done = subprocess.run(  # noqa: S603  our own page
        [*program, code],
        env=os.environ | {"SITE": site, "KEY": key},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.one_process
def test_the_examples_of_the_page_do_what_it_says(ada_with_ten_credits: MemberClient) -> None:
    ada = ada_with_ten_credits
    key = key_of(ada)
    examples = re.findall(r"^```(sh|python)\n(.*?)^```", API.read_text(), re.MULTILINE | re.DOTALL)
    programs = {"sh": ["sh", "-c"], "python": [sys.executable, "-c"]}
    said = [run(programs[kind], code, site=ada.site, key=key) for kind, code in examples]
    credits, written, poem = said
    assert json.loads(credits) == {"credits": 10, "held": 0}
    assert json.loads(written)["credits"] == 9
    newest, first = ada.haikus()
    assert (first, newest["content"]) == (json.loads(written)["haiku"], poem.rstrip("\n"))
    # Once more, and it is the same haiku.
    assert json.loads(run(programs["sh"], examples[1][1], site=ada.site, key=key))["haiku"] == first
    assert ada.credits() == 8


def asked_by_all(world: World, key: str, repeats: int) -> list[tuple[int, int, str]]:
    """Each program's number, status and haiku, of a hundred that ask at once for one each, so many times."""

    def ask(turn: tuple[int, int]) -> tuple[int, int, str]:
        number, repeat = turn
        answer = requests.post(
            f"{world.site_urls[repeat % len(world.site_urls)]}/api/generate",
            json={"topic": f"rain {number}"},
            headers={"Authorization": f"Bearer {key}", "Idempotency-Key": f"poem {number}"},
            timeout=120,
        )
        return number, answer.status_code, answer.json().get("haiku", {}).get("id", "")

    turns = [(number, repeat) for number in range(PROGRAMS) for repeat in range(repeats)]
    Random(0).shuffle(turns)
    with ThreadPoolExecutor(PROGRAMS) as programs:
        return [*programs.map(ask, turns)]


@pytest.fixture
def ada_with_a_hundred_credits(ada: MemberClient) -> MemberClient:
    """A member who bought ten packs."""
    for _ in range(10):
        ada.sync(ada.buy())
    return ada


@pytest.mark.timeout(300)
@pytest.mark.parametrize("repeats", deep_but_for(1, [2, REPEATS]))
def test_a_hundred_programs_with_one_key_spend_a_hundred_credits_however_often_they_repeat(
    ada_with_a_hundred_credits: MemberClient, world: World, repeats: int
) -> None:
    ada = ada_with_a_hundred_credits
    answers = asked_by_all(world, key_of(ada), repeats)
    assert {status for _, status, _ in answers} == {201}
    # One haiku for each, whoever asked, and whenever.
    assert len(set(answers)) == len({haiku_id for _, _, haiku_id in answers}) == PROGRAMS
    assert Counter(kind for kind, _, _ in ada.ledger()) == {"purchase": 10, "spend": PROGRAMS}
    assert (ada.credits(), len(ada.haikus())) == (0, PROGRAMS)


@pytest.mark.timeout(300)
@pytest.mark.deep
def test_a_hundred_programs_spend_no_more_than_their_key_may_in_a_day(
    ada_with_a_hundred_credits: MemberClient, world: World
) -> None:
    ada = ada_with_a_hundred_credits
    answers = asked_by_all(world, key_of(ada, daily_limit="30"), REPEATS)
    written = {(number, haiku_id) for number, status, haiku_id in answers if status == 201}
    assert {status for _, status, _ in answers} == {201, 429}
    assert len(written) == len({number for number, _ in written}) == 30
    assert Counter(kind for kind, _, _ in ada.ledger()) == {"purchase": 10, "spend": 30}
    assert (ada.credits(), len(ada.haikus())) == (70, 30)
