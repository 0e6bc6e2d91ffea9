"""A broker, and a real browser in front of its page.

One chromium without a window for all tests, driven by selenium; each test begins with nobody logged
in. Where no chromium is installed the tests skip and say so.
"""

from __future__ import annotations

import json
import shutil
import threading
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from selenium import webdriver
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.person import Person
from tests.support.process import BrokerProcess

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


class Site:
    """A running broker, as a test prepares it: by AMQP and by the HTTP API, not by the page."""

    def __init__(self, process: BrokerProcess):
        self.amqp_port = process.port
        self.url = f"http://127.0.0.1:{process.ports['management']}/"

    def asks(self, method: str, address: str, body: Any = None) -> Any:
        """One request as guest. address: below /api/. Raises: urllib.error.HTTPError."""
        request = urllib.request.Request(
            f"{self.url}api/{address}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "authorization": "Basic " + b64encode(b"guest:guest").decode(),
                "content-type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def adds_user(self, name: str, tags: str, *, permission: str = ".*") -> None:
        """A user whose password is his name, with access to the virtual host "/"."""
        self.asks("PUT", f"users/{name}", {"password": name, "tags": tags})
        rights = {"configure": permission, "write": permission, "read": permission}
        self.asks("PUT", f"permissions/%2F/{name}", rights)

    def queue(self, name: str) -> dict[str, Any]:
        found = self.asks("GET", f"queues/%2F/{quote(name, safe='')}")
        assert isinstance(found, dict)
        return found

    @contextmanager
    def channel(self, **properties: str) -> Iterator[BlockingChannel]:
        parameters = pika.ConnectionParameters(
            "127.0.0.1", self.amqp_port, client_properties=properties or None
        )
        connection = pika.BlockingConnection(parameters)
        try:
            yield connection.channel()
        finally:
            if connection.is_open:
                connection.close()

    @contextmanager
    def load(self, queue: str) -> Iterator[None]:
        """Somebody publishes and somebody consumes, all the time."""
        stop = threading.Event()

        def work() -> None:
            with self.channel(connection_name="load") as channel:
                channel.queue_declare(queue)
                while not stop.is_set():
                    for _ in range(20):
                        channel.basic_publish("", queue, b"x")
                    for _ in range(15):
                        channel.basic_get(queue, auto_ack=True)
                    channel.connection.process_data_events(0.02)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    with BrokerProcess() as process:
        yield Site(process)


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no chromium here: needs the programs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for switch in SWITCHES:
        options.add_argument(switch)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        browser.set_script_timeout(20)
        yield browser
    finally:
        browser.quit()


@pytest.fixture
def person(driver: WebDriver, site: Site) -> Iterator[Person]:
    """Nobody is logged in yet. At the end the browser's console must be clean."""
    somebody = Person(driver, site.url)
    somebody.forgets()
    somebody.complaints()
    yield somebody
    complaints = somebody.complaints()
    assert not complaints, complaints


@pytest.fixture
def downloads(driver: WebDriver, tmp_path: Path) -> Path:
    """Where the browser puts what it downloads during this test."""
    driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    return tmp_path
