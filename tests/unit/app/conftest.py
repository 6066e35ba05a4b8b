"""A scripted server that stands for the app's own."""

from collections.abc import Iterator

import pytest

from tests.scripted_server import ScriptedServer, summary


@pytest.fixture
def own() -> Iterator[ScriptedServer]:
    with ScriptedServer(summary("Ann and Bo have lunch.")) as server:
        yield server
