"""Text as every package needs it: how a value is spelled, what is harmless in a cell, what a value hashes to."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, Literal

#: What a cell begins with that a spreadsheet would run; the wide forms are read like the plain ones.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

Style = Literal["s", "usd", "rate", "score", "count", "ratio", "difference", "minutes", "megabytes", "p", "plain"]


def stable_hash(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def harmless(cell: object) -> object:
    """Return a cell as it is, a text that would run with an apostrophe in front."""
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA) else cell


def spell(value: float, style: Style, *, bare: bool = False) -> str:
    """Return the digits a reader sees for a value in seconds, dollars, 0–1 rate or score, or a count."""
    size = abs(value)
    if math.isinf(size):
        text = "∞"
    elif bare and style == "s":
        text = f"{size:.2f}" if size >= 0.1 else f"{size:.3f}"
    else:
        text = _SPELLINGS[style](size).strip("$ %×MB" if bare else " ")
    return ("−" if value < 0 else "+" if style == "difference" else "") + text


def _seconds(size: float) -> str:
    if size == 0:
        return "0 s"
    if size < 1:
        return f"{size * 1000:.0f} ms"
    return f"{size:.2f} s" if size < 100 else f"{size:,.0f} s"


def _usd(size: float) -> str:
    if size == 0 or size >= 0.1:
        return f"${size:,.2f}"
    return f"${size:.{1 - math.floor(math.log10(size))}f}"


def _rate(size: float) -> str:
    # One request lost of ten thousand must not read as 100 %, nor one found as 0 %.
    texts = (f"{size * 100:.{digits}f}" for digits in range(1, 6))
    text = next((text for text in texts if float(text) not in (0, 100)), f"{size * 100:.0f}")
    return text.removesuffix(".0") + " %"


def _minutes(size: float) -> str:
    if size >= 120:
        return f"{size / 60:,.0f} hours"
    return f"{size:.0f} minutes" if size >= 10 else f"{size:.1f} minutes"


def _p_value(size: float) -> str:
    if size < 5e-5:
        return "< 0.0001"
    return f"{size:.3f}" if size >= 0.001 else f"{size:.4f}"


def _plain(size: float) -> str:
    return f"{size:,}" if isinstance(size, int) else f"{size:,.4g}"


_SPELLINGS: Mapping[Style, Any] = {
    "s": _seconds,
    "usd": _usd,
    "rate": _rate,
    "score": lambda size: f"{size:.3f}",
    "difference": lambda size: f"{size:.3f}",
    "count": lambda size: f"{size:,.0f}",
    "ratio": lambda size: f"{size:.2f} ×",
    "minutes": _minutes,
    "p": _p_value,
    "megabytes": lambda size: f"{size / 1e6:,.0f} MB",
    "plain": _plain,
}
