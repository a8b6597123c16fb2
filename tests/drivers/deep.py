"""Which values of a parameter wait until somebody has the time."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import pytest


def deep_but_for(count: int, values: Iterable[Any]) -> list[Any]:
    """All of them, for `parametrize`: the first `count` in every run, the others where `-m deep` asks for them.

    A tuple has the values of several parameters.
    """
    each = iter(values)
    others = (value if isinstance(value, tuple) else (value,) for value in each)
    return [*islice(each, count), *(pytest.param(*value, marks=pytest.mark.deep) for value in others)]
