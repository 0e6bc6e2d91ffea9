"""The metrics through a real socket, compressed and not."""

from __future__ import annotations

import gzip
import urllib.error
import urllib.request

import pytest

from broker import Broker
from tests.support.scraping import Page


def fetch(port: int, path: str, **headers: str) -> tuple[bytes, dict[str, str]]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read(), {name.lower(): value for name, value in answer.headers.items()}


def test_metrics_are_scraped_without_the_http_api() -> None:
    with Broker({"prometheus.enabled": True}) as broker:
        assert broker.management_port == 0
        plain, headers = fetch(broker.prometheus_port, "/metrics")
        assert headers["content-type"] == "text/plain; version=0.0.4"
        squeezed, headers = fetch(broker.prometheus_port, "/metrics", accept_encoding="gzip")
        assert headers["content-encoding"] == "gzip"
        pages = [Page(plain.decode()), Page(gzip.decompress(squeezed).decode())]
        assert pages[0].names == pages[1].names
        assert pages[0].value("rabbitmq_connections") == 0
        for path, status in (("/metrics/nonsense", 404), ("/", 404)):
            with pytest.raises(urllib.error.HTTPError) as refused:
                fetch(broker.prometheus_port, path)
            refused.value.close()
            assert refused.value.code == status
