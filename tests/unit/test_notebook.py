"""What a notebook shows while it is worked on."""

from __future__ import annotations

from typing import Any

import pytest
from markupsafe import Markup

from helpers.notebook import interactive_style, show


def test_show_emits_html_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr("IPython.display.display", lambda data, **options: calls.append((data, options)))
    show(Markup("<p>a</p>"), Markup("<p>b</p>"))
    assert calls == [({"text/html": '<div class="helpers-out"><p>a</p><p>b</p></div>'}, {"raw": True})]


def test_interactive_style_stays_inside_its_outputs() -> None:
    css = interactive_style()
    assert css.startswith("<style>.helpers-out {")
    assert css.endswith("}</style>")
    assert ":root" not in css
    assert "&amp;" not in css
    assert css.count("{") == css.count("}")
