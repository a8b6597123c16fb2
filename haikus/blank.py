"""Signs that look like nothing."""

from __future__ import annotations

import unicodedata
from typing import Final

# Letters and a picture that look like nothing: fillers of Hangul, and a dot pattern without dots.
FILLERS: Final = "\u115f\u1160\u3164\uffa0\u2800"


def is_blank(text: str) -> bool:
    """Whether there is nothing to see in it: spaces, controls, direction marks, marks on no letter, fillers."""
    return all(sign in FILLERS or unicodedata.category(sign)[0] in "CMZ" for sign in text)
