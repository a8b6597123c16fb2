"""How long to wait before the next try."""

from __future__ import annotations


def pause_s(nth: int, *, first_s: float, longest_s: float, jitter: float) -> float:
    """Seconds before try number `nth` (from 1) is repeated: doubled each time up to `longest_s`.

    `jitter`, between 0 and 1, takes off up to half, so that those who failed together do not come back together.
    """
    # 2**nth of a large nth is no float any more.
    longest: float = min(longest_s, first_s * 2 ** min(nth - 1, 30))
    return longest * (0.5 + jitter / 2)
