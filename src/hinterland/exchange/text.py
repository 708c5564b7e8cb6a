"""Text from elsewhere: what would move a terminal's cursor or turn the direction of writing is taken out."""

from __future__ import annotations

import re
from typing import Any

HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
SIGN = "\ufffd"
"""What stands in its place."""


def cleaned(value: Any) -> Any:
    """Returns a JSON value with all its texts, keys too, free of control characters but tab and line end."""
    if isinstance(value, str):
        return HIDDEN.sub(SIGN, value)
    if isinstance(value, dict):
        return {HIDDEN.sub(SIGN, key): cleaned(each) for key, each in value.items()}
    if isinstance(value, list):
        return [cleaned(each) for each in value]
    return value
