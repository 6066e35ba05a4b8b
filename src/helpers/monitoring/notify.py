"""A message to a webhook, in the JSON that Slack and its like take; its address is a secret of the environment.

The message is sent once, within a bound, and the outcome is told in a sentence: a webhook that refuses or hangs
fails nothing. Redirects are not followed, and the address appears in no message.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from helpers.core.machine import is_loopback
from helpers.core.text import spell
from helpers.monitoring.alerts import Alerted, Watched

VARIABLE = "ALERT_WEBHOOK_URL"
#: Seconds in all, whatever the other side does.
LIMIT = 10.0


def message(found: Alerted, log: str) -> str:
    """Return what is told of the rules that fired, in Slack's markup; what a user wrote is escaped."""
    watched = sum(rule.state != "not applicable" for rule in found.rules)
    lines = [f"*{len(found.fired)} of {watched} alert rules fired* over {_plain(log)}"]
    lines += [f"• {_plain(rule.label)}: {rule.state}, {threshold(rule)}, {extreme(rule)}" for rule in found.fired]
    return "\n".join(lines)


def send(text: str, environment: Mapping[str, str], limit: float = LIMIT) -> str:
    """Send a message and return the outcome in a sentence; raises nothing."""
    url = environment.get(VARIABLE, "")
    if not url:
        return f"webhook: not sent, {VARIABLE} is not set in the environment or .env"
    try:
        parts = urlsplit(url)
        if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))):
            return f"webhook: not sent, {VARIABLE} must be an https address (or one of this machine)"
    except ValueError:
        return f"webhook: not sent, {VARIABLE} is no address"
    replies: list[str] = []
    # A server that drips its answer outlasts any timeout on a read; a thread that is left behind does not.
    sender = threading.Thread(target=lambda: replies.append(_post(url, text, limit)), name="webhook", daemon=True)
    sender.start()
    sender.join(limit)
    return replies[0] if replies else f"webhook: no answer within {limit:g} s"


def _post(url: str, text: str, limit: float) -> str:
    parts = urlsplit(url)
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    try:
        connection = connect(parts.hostname or "", parts.port, timeout=limit)
        with closing(connection):
            path = f"{parts.path or '/'}?{parts.query}".removesuffix("?")
            connection.request("POST", path, json.dumps({"text": text}), {"Content-Type": "application/json"})
            status = connection.getresponse().status
    except (OSError, HTTPException, ValueError) as error:
        return f"webhook: not delivered ({type(error).__name__})"
    return "webhook: delivered" if 200 <= status < 300 else f"webhook: refused (HTTP {status})"


def threshold(rule: Watched) -> str:
    """Return a rule's threshold in words."""
    sides = (("above", rule.above), ("below", rule.below))
    return " or ".join(f"{side} {spell(level, rule.unit)}" for side, level in sides if level is not None)


def extreme(rule: Watched) -> str:
    """Return the extremes that a rule's figure had, in words."""
    ends = [end for end in (rule.lowest, rule.highest) if end is not None]
    return "seen " + " to ".join(spell(end, rule.unit) for end in ends)


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
