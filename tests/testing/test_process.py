"""A server process that tests stop, kill and start again."""

from __future__ import annotations

import urllib.request

import pytest

from solovirt.testing import ServerProcess

pytestmark = pytest.mark.slow


def test_it_stops_dies_and_comes_back_in_any_order(tmp_path):
    with ServerProcess(tmp_path / "data", ["--insecure-http"]) as server:
        server.kill()
        assert server.stop() == 0
        with pytest.raises(RuntimeError, match="not running"):
            _ = server.pid
        server.start()
        assert server.stop() == 0
        server.start()
        with urllib.request.urlopen(server.url + "/readyz") as answer:
            assert answer.status == 200
        assert server.credentials() == (None, None)


def test_a_server_that_does_not_start_is_told_with_its_log(tmp_path):
    with pytest.raises(RuntimeError, match="there is no runtime 'vapour'"):
        ServerProcess(tmp_path / "data", ["--runtime", "vapour"]).start()
