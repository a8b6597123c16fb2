"""Syllables in scripts other than Latin, and in emoji: exact where the script shows them, else an estimate.

| Script | Counted |
| --- | --- |
| kana | one per mora: っ, ん and ー count, a small ゃ or ぇ joins the kana before it |
| ideographs | one each (Chinese); two each in a word that also has kana (Japanese) |
| hangul and other syllabaries | one per syllable block or sign |
| Cyrillic, Armenian, Georgian | one per vowel letter |
| Greek | one per vowel or digraph such as ου; an accent on its first letter or a diaeresis parts it |
| Devanagari and its relatives | one per consonant or free-standing vowel, unless a virama joins it to the next |
| Arabic, Hebrew, Thai and all others | an estimate: one per two letters |
| emoji | its Unicode name, shortened to what one would say: 🐱 is "cat", 🚀 "rocket" |
"""

# ruff: noqa: RUF001, RUF002 - letters that look like Latin ones are what this module is about

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

_SMALL_KANA: Final = frozenset("ぁぃぅぇぉゃゅょゎァィゥェォャュョヮ")
_VOWELS: Final = {
    "CYRILLIC": frozenset("аеёиоуыэюяєіїўәөүұѣ"),
    "ARMENIAN": frozenset("աեէըիոօ"),
    "GEORGIAN": frozenset("აეიოუ"),
}
_SYLLABARIES: Final = frozenset(("HANGUL", "ETHIOPIC", "CHEROKEE", "CANADIAN", "YI", "VAI", "BOPOMOFO"))
_ABUGIDAS: Final = frozenset(
    (
        "DEVANAGARI",
        "BENGALI",
        "GURMUKHI",
        "GUJARATI",
        "ORIYA",
        "TAMIL",
        "TELUGU",
        "KANNADA",
        "MALAYALAM",
        "SINHALA",
    )
)
_VIRAMA_CLASS: Final = 9  # the canonical combining class that Unicode gives to viramas alone
_GREEK_DIGRAPH: Final = re.compile(
    "(?:[αεου]ι|[αεηο]υ)\N{COMBINING ACUTE ACCENT}?(?!\N{COMBINING DIAERESIS})"
)
_GREEK_VOWEL: Final = re.compile("[αεηιουω]")
_ZERO_WIDTH_JOINER: Final = "\N{ZERO WIDTH JOINER}"
# Parts of an emoji's name that nobody says.
_UNSAID: Final = frozenset(
    ("FACE", "SIGN", "SYMBOL", "BLACK", "WHITE", "HEAVY", "LETTER", "REGIONAL", "INDICATOR")
)


@lru_cache(maxsize=4096)
def script_of(character: str) -> str:
    """The script by the first word of the character's Unicode name: LATIN, CJK, …; "" for marks and signs."""
    if unicodedata.category(character)[0] != "L":
        return ""
    return unicodedata.name(character, "UNKNOWN").split()[0]


def syllables_in_run(run: str, script: str, *, with_kana: bool) -> int:
    """Syllables of letters of one script, with the marks on them; at least one."""
    letters = [character for character in run if script_of(character)]
    if script in ("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"):
        count = sum(character not in _SMALL_KANA for character in letters)
    elif script in ("CJK", "IDEOGRAPHIC"):
        count = len(letters) * (2 if with_kana else 1)
    elif script in _SYLLABARIES:
        count = len(letters)
    elif script in _VOWELS:
        count = sum(character in _VOWELS[script] for character in run.lower())
    elif script == "GREEK":
        count = _greek(run)
    elif script in _ABUGIDAS:
        count = len(letters) - sum(
            unicodedata.combining(character) == _VIRAMA_CLASS for character in run[:-1]
        )
    else:
        count = (len(letters) + 1) // 2
    return max(1, count)


def emoji_words(token: str) -> list[str]:
    """What one would say for the pictures in `token`; of a joined sequence, only its first part."""
    words: list[str] = []
    for before, character in zip(" " + token, token, strict=False):
        if is_picture(character) and before != _ZERO_WIDTH_JOINER:
            name = unicodedata.name(character, "PICTURE").split(" WITH ")[0].replace("-", " ").split()
            words += [word.lower() for word in name if word not in _UNSAID] or [name[0].lower()]
    return words


def is_picture(character: str) -> bool:
    """Whether this is an emoji or another picture that has a name to be read by."""
    return unicodedata.category(character) == "So"


def _greek(run: str) -> int:
    plain = unicodedata.normalize("NFD", run.lower())
    return len(_GREEK_VOWEL.findall(_GREEK_DIGRAPH.sub("ο", plain)))
