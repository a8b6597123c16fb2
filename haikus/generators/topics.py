"""What a person typed as a topic, read as something that a line of verse can hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final

from haikus.blank import FILLERS
from haikus.generators.syllables import syllables_in

_LONGEST_LINE: Final = 7  # syllables
_LONGEST_PART: Final = 5  # syllables; fits into any line
_LONGEST_STUMP: Final = 12  # characters of a topic that is broken off

_PILED_MARKS: Final = 3  # on one letter
_JOINERS: Final = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
_EDGE: Final = " ,;:、。\N{FULLWIDTH COMMA}…" + _JOINERS
_CLAUSE_END: Final = re.compile(r"[,.;:!?…—()\"“”]+(?:\s|$)|\s[^\w\s]+\s")
# Of a topic without a run of words that fits: parts of an address, then words, then words of Chinese or Japanese.
_SPLITS: Final = (r"https?://(?:www\.)?|[/?#&=\s]+", r"[^\w']+|_+", r"[\W\u3040-\u309f的了在和是与]+")
_NAME_ENDING: Final = re.compile(r"(?:ing|ness|ity|tion|ism|ship|ology|[^sui]s)$")
_LATIN: Final = re.compile(r"[A-Za-z0-9'\N{RIGHT SINGLE QUOTATION MARK} -]+|[A-Za-z\u00c0-\u024f]+")

Words = Mapping[str, frozenset[str]]  # the table `words` of `lines.toml`


def cleaned(topic: str) -> str:
    """One line of visible characters: no controls, no marks piled on marks, no comma or stop at the edges."""
    kept: list[str] = []
    marks = 0
    for sign in re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", unicodedata.normalize("NFC", topic)):
        category = unicodedata.category(sign)
        marks = marks + 1 if category[0] == "M" else 0
        invisible = sign in FILLERS or (category[0] == "C" and not (kept and sign in _JOINERS))
        if not invisible and marks <= (_PILED_MARKS if kept else 0):
            kept.append(sign)
    text = re.sub(r"([^\w\s])\1{3,}", r"\1\1\1", " ".join("".join(kept).split())).strip(_EDGE)
    return text.removesuffix(".") if text.count(".") == 1 else text


def is_nameable(text: str) -> bool:
    """Whether there is a letter, a number or a picture in it."""
    return any(sign.isalnum() or unicodedata.category(sign) == "So" for sign in text)


def settled(text: str, words: Words) -> str:
    """The spelling inside a sentence: "The Sea" is the sea, "I LOVE YOU" is not shouted, NASA and Paris stay."""
    tokens = text.split()
    if (text.isupper() and len(tokens) > 1) or words["common"].issuperset(text.lower().split()):
        tokens = text.lower().split()
    elif tokens[0].lower() in words["grammar"]:
        tokens[0] = tokens[0].lower()
    return re.sub(r"\bi\b(?!\.)", "I", " ".join(tokens))


def forms(text: str, words: Words) -> Iterator[str]:
    """Ways to write a topic in a line: as it is, its telling part, or its beginning."""
    if 0 < syllables_in(text) <= _LONGEST_LINE:
        yield text
    for parts in (_runs(text, words), *(re.split(pattern, text) for pattern in _SPLITS)):
        fitting = [part for part in parts if is_nameable(part) and 0 < syllables_in(part) <= _LONGEST_PART]
        if fitting:
            yield max(fitting, key=lambda part: (_weight(part, words), syllables_in(part)))
            break
    plain = unicodedata.normalize("NFKC", text)
    plain = plain[next(place for place, sign in enumerate(plain) if is_nameable(sign)) :]
    stumps = (plain[:end] for end in range(_LONGEST_STUMP, 0, -1))
    yield next(stump.rstrip(_EDGE) + "…" for stump in stumps if 0 < syllables_in(stump) <= _LONGEST_PART)


def is_name(text: str, words: Words) -> bool:
    """Whether the text names something, so that "no sign of" or "again" can stand beside it."""
    tokens = text.lower().split()
    sentence = tokens[0] in words["sentence"] or not words["verbs"].isdisjoint(tokens)
    if sentence or len(tokens) > 4 or not _LATIN.fullmatch(text):
        return False
    named = tokens[0] in words["determiners"] or tokens[-1] in words["uncounted"] | words["dated"]
    return named or bool(_NAME_ENDING.search(tokens[-1])) or _has_name(text, words)


def _has_name(text: str, words: Words) -> bool:
    return any(token != token.lower() and token.lower() not in words["common"] for token in text.split())


def _weight(part: str, words: Words) -> int:
    """A name tells most, then what ends in a noun."""
    return 2 if _has_name(part, words) else int(part.lower().split()[-1] in words["nouns"])


def _runs(text: str, words: Words) -> list[str]:
    """Runs of words that hold together, those at the end first, where English has its noun."""
    return [
        " ".join(run)
        for clause in _CLAUSE_END.split(text)
        for tokens in [clause.strip("¿¡'").split()]
        for end in range(len(tokens), 0, -1)
        for run in [tokens[start:end] for start in range(end)]
        if words["stop"].isdisjoint(map(str.lower, run))
        and run[-1].lower() not in words["determiners"]
        and (len(run[-1]) > 2 or not run[-1].islower())
        and "of" not in (run[0], run[-1])
    ]
