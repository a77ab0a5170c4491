"""What a call amounted to, over all of its streams. No I/O."""

from __future__ import annotations

from typing import Any

PRESENT = ("buffer_size",)
"""What only the last stream tells."""


def together(earlier: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """The stats of a call with those of one more stream: counts are added, lists go on."""
    total = dict(earlier)
    for name, value in later.items():
        known = earlier.get(name)
        if known is None or name in PRESENT:
            total[name] = value
        elif isinstance(value, dict):
            total[name] = together(known, value)
        else:
            total[name] = known + value
    return total
