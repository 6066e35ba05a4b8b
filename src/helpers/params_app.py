"""What the web app is told."""

from __future__ import annotations

from helpers.rooms import Positive, Room


class App(Room):
    """The web app's bounds; ``allow_hosts`` are the hosts a visitor may name when others can reach the app.

    A host that begins with ``*.`` stands for every host below it. ``waiting`` bounds the queue, ``at_once`` the
    requests under way together, ``history`` the answers that a visitor's session keeps.
    """

    allow_hosts: tuple[str, ...] = ()
    max_characters: Positive = 200_000
    max_rows: Positive = 50
    max_upload_bytes: Positive = 2_000_000
    at_once: Positive = 8
    waiting: Positive = 64
    history: Positive = 500
