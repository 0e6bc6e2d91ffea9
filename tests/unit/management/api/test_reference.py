"""The reference as it is asked for."""

from __future__ import annotations

import re
import subprocess
import sys
from base64 import b64encode
from hashlib import sha256

import pytest

from broker.management.api.reference import PACKAGE
from broker.management.request import Request
from tests.support.admin import Admin


@pytest.fixture
def api() -> Admin:
    return Admin()


def test_the_document_names_where_the_api_is() -> None:
    for prefix, url in (("", "/api"), ("/rabbit", "/rabbit/api")):
        api = Admin({"management.path_prefix": prefix})
        answer = api.answers(Request("GET", f"{url}/openapi.json"))
        assert answer.headers["content-type"] == "application/json"
        assert answer.json["servers"] == [{"url": url}]


def test_the_page_may_show_its_style_and_nothing_else(api: Admin) -> None:
    answer = api.answers(Request("GET", "/api/index.html"))
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = answer.body.decode()
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    allowed = b64encode(sha256(style.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert policy == f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'"
    assert "/api/<wbr>queues/<wbr><i>vhost</i>" in page


def test_a_node_that_nobody_asks_does_not_have_it_in_memory() -> None:
    program = (
        "import sys, broker.boot, broker.management.service, pkgutil, importlib\n"
        "from broker.management import api\n"
        "for module in pkgutil.iter_modules(api.__path__):\n"
        "    importlib.import_module(f'{api.__name__}.{module.name}')\n"
        f"sys.exit(any(name.startswith('{PACKAGE}.') for name in sys.modules))\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
