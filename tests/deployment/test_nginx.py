"""The management page behind nginx, as docs/management.md has it."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker import Broker
from tests.integration.support import WAIT_S, wait_until
from tests.support.admin import basic

PAGE = Path(__file__).parents[2] / "docs" / "management.md"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
PORT = "http://127.0.0.1:15672"
CONFIG = """
daemon off;
pid {folder}/pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen unix:{folder}/nginx.sock;
        {location}
        location / {{ return 404; }}
    }}
}}
"""


class Behind(http.client.HTTPConnection):
    """A connection to a Unix socket."""

    def __init__(self, path: str):
        super().__init__("localhost", timeout=WAIT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(WAIT_S)
        self.sock.connect(self._path)


def location() -> str:
    """The only block of the page that is for nginx."""
    (found,) = re.findall(r"```\n(location .*?)```", PAGE.read_text(), re.DOTALL)
    assert PORT in found
    return str(found)


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[str]:
    """The path of its socket."""
    if NGINX is None:
        pytest.skip("there is no nginx command")
    settings = {"management.enabled": True, "management.path_prefix": "/mq"}
    with Broker(settings) as broker:
        own = location().replace(PORT, f"http://127.0.0.1:{broker.management_port}")
        config = tmp_path / "nginx.conf"
        config.write_text(CONFIG.format(folder=tmp_path, location=own))
        command = [NGINX, "-p", str(tmp_path), "-c", str(config), "-e", "stderr"]
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            path = tmp_path / "nginx.sock"
            wait_until(lambda: path.exists() or process.poll() is not None, "it listens")
            assert process.poll() is None, (tmp_path / "log").read_text()
            yield str(path)
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture
def behind(nginx: str) -> Iterator[Behind]:
    with contextlib.closing(Behind(nginx)) as connection:
        yield connection


def test_page_and_api_are_under_the_prefix(behind: Behind) -> None:

    def ask(method: str, path: str, body: object = None) -> tuple[int, bytes]:
        headers = {"Authorization": basic("guest:guest"), "Content-Type": "application/json"}
        behind.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = behind.getresponse()
        return answer.status, answer.read()

    status, page = ask("GET", "/mq/")
    assert status == 200
    (script,) = re.findall(rb'<script[^>]+src="([^"]+)"', page)[:1]
    assert ask("GET", "/mq/" + script.decode().removeprefix("/mq/"))[0] == 200
    assert ask("PUT", "/mq/api/queues/%2F/a%2Fb%20c", {"durable": True})[0] == 201
    status, found = ask("GET", "/mq/api/queues/%2F/a%2Fb%20c")
    assert (status, json.loads(found)["name"]) == (200, "a/b c"), "slashes stay what they are"
    assert ask("GET", "/api/overview")[0] == 404, "nothing but the prefix"
