"""Is what the ledger stands on really unique in the live app?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from instant_admin.client.schema import attribute_problems
from instant_admin.ledger.entries import ENTRIES

# Without both, one payment could be credited twice or one credit spent twice.
GUARDS: Final = ("key", "slot")
_WANTED: Final = {"valueType": "string", "required": True, "config": {"unique": True, "indexed": True}}


def missing_guards(live: Mapping[str, Any]) -> list[str]:
    """What a live schema lacks of the ledger's unique attributes, a clause each; empty when credits can be moved."""
    return [text for label in GUARDS for text in attribute_problems(live, ENTRIES, label, _WANTED)]
