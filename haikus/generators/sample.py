"""A haiku on any topic: the topic stands in one line, the two others are chosen from `lines.toml`.

`compose` is also the contract for a generator of your own. Name yours in the setting `HAIKU_GENERATOR`, by its
dotted path such as "haikus.generators.sample.compose". It

- takes the topic as the member typed it (1 to 80 characters of any script, not cleaned), the keyword `rng`, a
  `random.Random` that is the only chance it uses, and the keyword `recent`, the texts of the member's last ten
  poems, newest first, of which one may be missing that was written a moment ago in another process;
- returns the poem as plain text, its lines joined by "\\n"; pages escape it, so it must not;
- raises `UnwritableTopic(reason=…)`, a sentence for the member, when it cannot write on that topic. No credit is
  spent then. Any other exception is a fault of the generator, and spends nothing either.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, Final

from django.utils.translation import gettext as _

from haikus.errors import UnwritableTopic
from haikus.generators.syllables import syllables_in
from haikus.generators.topics import cleaned, forms, is_name, is_nameable, settled

METER: Final = (5, 7, 5)

LINES: Final[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("lines.toml").read_text("utf-8"))
for _group in LINES["groups"].values():
    _group["keywords"] = frozenset(_group["keywords"].split())
    _group["pairs"] = [tuple(pair.split(" / ")) for pair in _group["pairs"]]
_QUIET: Final[dict[str, Any]] = LINES["groups"]["quiet"]
_OTHERS: Final[list[dict[str, Any]]] = [group for group in LINES["groups"].values() if group is not _QUIET]
_GRAVE: Final = re.compile("|".join(_QUIET["grave"]))
_WORDS: Final = {name: frozenset(listed.split()) for name, listed in LINES["words"].items()}
_WORDS["grammar"] = _WORDS["determiners"] | _WORDS["stop"] | {"of"}
_WORDS["nouns"] = _WORDS["countable"] | _WORDS["uncounted"]
_WORDS["common"] = _WORDS["grammar"] | _WORDS["nouns"]


def compose(topic: str, *, rng: Random, recent: Sequence[str]) -> str:
    """Three lines of 5, 7 and 5 syllables that name `topic`. Raises `UnwritableTopic`."""
    text = cleaned(topic)
    if not is_nameable(text):
        raise UnwritableTopic(reason=_("Give a topic with at least one letter, number or emoji in it."))
    group = _group_for(text, rng)
    used = {line for poem in recent for line in poem.split("\n")}
    place, named = _topic_line(settled(text, _WORDS), group, used, rng)
    if place != 1:
        five, seven = _beside(named, group["pairs"], used, rng)
        return "\n".join((named, seven, five) if place == 0 else (five, seven, named))
    fives = [(five,) for five, _ in group["pairs"]]
    (first,) = _beside(named, fives, used, rng)
    (last,) = _beside(f"{named} {first}", fives, {first, *used}, rng)
    return "\n".join((first, named, last))


def _group_for(text: str, rng: Random) -> dict[str, Any]:
    """The quiet group for grief, violence and self-harm, else one that the topic names, else any."""
    lowered = text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    words = set(re.findall(r"[^\W_]+", lowered))
    if _GRAVE.search(lowered) or not words.isdisjoint(_QUIET["keywords"]):
        return _QUIET
    named = [group for group in _OTHERS if not words.isdisjoint(group["keywords"])]
    return rng.choice(named or _OTHERS)


def _topic_line(text: str, group: dict[str, Any], used: set[str], rng: Random) -> tuple[int, str]:
    """A place in the poem and a line with the topic, in its first form and frames that have one not used."""
    fitting: list[list[tuple[int, str]]] = []
    for tier in (tier for form in forms(text, _WORDS) for tier in _tiers(form, group)):
        kinds = [list(_settings(*kind)) for kind in tier]
        unused = [[setting for setting in kind if setting[1] not in used] for kind in kinds]
        fitting = list(filter(None, unused)) or fitting or list(filter(None, kinds))
        if any(unused):
            break
    # A kind is chosen before a frame is, or the largest would drown the others.
    return rng.choice(rng.choice(fitting))


def _tiers(form: str, group: dict[str, Any]) -> Iterator[list[tuple[str, list[str]]]]:
    """Kinds of frames, the most natural first, each with the topic as it stands there: "the cat", or "cat"."""
    tokens = form.split()
    bare = tokens[-1] in _WORDS["countable"] and tokens[0] not in _WORDS["determiners"] | _WORDS["sentence"]
    named = f"the {form}" if bare and form.islower() else form
    placed = [(named, group["frames"])]
    if form[-1] in "?…" and group is not _QUIET:
        yield [(form, LINES["question" if form[-1] == "?" else "broken"])]
    elif group is not _QUIET:
        placed.append((named, LINES["named"]) if is_name(named, _WORDS) else (form, LINES["written"]))
    yield placed
    yield [] if group is _QUIET else [(named, LINES["any_topic"])]


def _settings(form: str, frames: Sequence[str]) -> Iterator[tuple[int, str]]:
    for frame in frames:
        shown = frame.replace("{} —", "{}") if form[-1] in "!.…" else frame
        for place, meter in enumerate(METER):
            fits = syllables_in(frame) + syllables_in(form) == meter
            if fits and _telling(frame).isdisjoint(_telling(form)):
                yield place, shown.replace("{}", form)


def _beside(text: str, choices: Sequence[tuple[str, ...]], used: set[str], rng: Random) -> tuple[str, ...]:
    """One of the choices that is not used, and that shares no word with `text` if there is such a one."""
    unused = [lines for lines in choices if used.isdisjoint(lines)]
    apart = [lines for lines in unused if _telling(text).isdisjoint(_telling(" ".join(lines)))]
    return rng.choice(apart or unused or choices)


@lru_cache(maxsize=4096)
def _telling(text: str) -> frozenset[str]:
    return frozenset(word.rstrip("s") for word in re.findall(r"\w{3,}", text.lower())) - _WORDS["grammar"]
