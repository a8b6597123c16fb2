"""The stand-in beside a recording of a real Instant server. Only where there is one: it is not part of the project.

Every request that can be asked again is asked, in the order of the recording, of one fresh stand-in. Left out are
the apps that were set up before the recording began, of which one is written to by many processes at once.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sandbox.instant.replay import Exchange, Mismatch, Replay, read

BESIDE = Path(__file__).resolve().parents[4] / "shared" / "reference" / "instant-recorded.jsonl.gz"
RECORDING = Path(os.environ.get("INSTANT_RECORDED", BESIDE))


@dataclass(frozen=True, slots=True)
class Difference:
    """What may differ, and why: in these cases, at these addresses, in these places (all of them patterns)."""

    why: str
    place: str
    case: str = ""
    path: str = ""

    def covers(self, mismatch: Mismatch) -> bool:
        exchange = mismatch.exchange
        return all(
            re.search(pattern, text)
            for pattern, text in (
                (self.place, mismatch.place),
                (self.case, exchange.case),
                (self.path, exchange.path),
            )
        )


DIFFERENCES = (
    # What a recording cannot tell.
    Difference(
        "the recording has no bearer tokens and no content types, so each request is sent with the right ones",
        place="^status$",
        case="every_failure_to_say_who_one_is|admin_token|token_that_is_nobodys|a_body_of_another_type",
    ),
    Difference(
        "requests that ran side by side are recorded one after the other, and not all of them",
        place=r"^(status|creditEntries|\$users\..*)$",
        case="a_kill_loses_nothing|site:01-webhook-storm|site:live",
    ),
    Difference(
        "between two requests the server was killed, and the namespace had come to be outside of the recording",
        place="^(status|steps|transaction|new-schema)",
        case="the_server_was_killed_and_started_again",
    ),
    # What hangs on made-up values or on time.
    Difference(
        "which of two unique attributes is told, if both clash, hangs on their ids, which the server makes up",
        place="^hint.(attr-id|label|value)$",
        case="site:01-|site:live",
        path="transact$",
    ),
    Difference(
        "the real server's jobs run while one asks, in no order",
        place=r"^jobs\.\*\.(id|job_type|job_stage|work_estimate)$",
    ),
    # What nobody can have an interest in.
    Difference(
        "a slip of the system's catalog: this link calls itself a blob", place=r"attrs\.\*\.value-type$"
    ),
    Difference(
        "a schema shows the computed url of a file as required, although the attribute is not",
        place=r"schema\.blobs\.\$files\.url\.required\?$",
    ),
    Difference(
        "the value of a lookup that makes an entity counts for the id's inferred type, not for the attribute's",
        place=r"^schema\.blobs\.posts\.(id|slug)\.inferred-types",
        case="a_lookups_unique_and_indexed",
    ),
    Difference(
        "a clashing object is cut at its first comma, since it is read out of PostgreSQL's sentence",
        place="^hint.value$",
        case="uniqueness_is_equality_of_json",
    ),
    Difference(
        "steps that are not well formed are told which of the server's own specs was tried last",
        place=r"^hint\.errors\.\*\.expected$",
        path="transact$",
    ),
    Difference(
        "the refusal to create a user repeats the step with the id's attribute, ours without",
        place=r"^hint\.input\.\*$",
        case=r"a_user_may_not\[step1\]",
    ),
    Difference(
        "permission checks of a link name the other end's namespace for both ends, and say in data what is done",
        place=r"^check-results\.\*\.(program\.etype|bindings\.data\.\$action)$",
    ),
    Difference(
        "the names of modified fields come in the order of a hash map",
        place=r"^check-results\.\*\.bindings\.modified-fields",
    ),
)


def replayable(exchanges: list[Exchange]) -> Iterator[Exchange]:
    """Those about an app that the recording makes, or about none."""
    made = {each.body["json"]["id"] for each in exchanges if each.path == "/dash/apps"}
    return (each for each in exchanges if not each.app_id or each.app_id in made)


@pytest.mark.skipif(not RECORDING.exists(), reason="there is no recording of a real server here")
def test_the_stand_in_answers_as_a_real_instant_did() -> None:
    replay = Replay()
    needed: set[Difference] = set()
    unnamed: list[str] = []
    for exchange in replayable(list(read(RECORDING))):
        for mismatch in replay.mismatches(exchange):
            names = {each for each in DIFFERENCES if each.covers(mismatch)}
            needed |= names
            if not names:
                unnamed.append(str(mismatch))
    assert not unnamed, f"{len(unnamed)} differences without a name:\n" + "\n".join(unnamed[:40])
    assert [each.why for each in DIFFERENCES if each not in needed] == [], "no longer needed"
