"""The port that the app listens on."""

import pytest

from helpers.app.launch import free_port
from helpers.core.errors import InputError
from tests.scripted_server import ScriptedServer


def test_a_taken_port_is_said(own: ScriptedServer) -> None:
    with pytest.raises(InputError, match="choose another --port"):
        free_port("127.0.0.1", int(own.url.rpartition(":")[2]))
