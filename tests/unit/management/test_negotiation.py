"""What clients take and send; what browsers are told. Compared with cowboy's answers."""

from __future__ import annotations

import pytest

from broker.management.negotiation import (
    check_accept,
    check_content_type,
    cors_headers,
    media_type,
    security_headers,
)
from broker.management.request import JSON, Refusal, Request
from broker.management_settings import Management as Settings


def with_header(name: str, value: str, method: str = "GET") -> Request:
    return Request(method, "/api/x", headers={name: value})


@pytest.mark.parametrize(
    "header",
    [
        "*/*",
        "application/json",
        "Application/JSON",
        "application/*",
        "text/html, application/json;q=0.5",
        "text/html,*/*;q=0.1",
        "application/json;q=0",
    ],
)
def test_who_takes_json(header: str) -> None:
    check_accept(with_header("accept", header), JSON)
    check_accept(Request("GET", "/"), JSON)


@pytest.mark.parametrize("header", ["", "text/html", "application/bert", "application/json;v=1"])
def test_who_takes_none(header: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_accept(with_header("accept", header), JSON)
    assert refused.value.status == 406


def test_an_accept_that_is_none() -> None:
    with pytest.raises(Refusal) as refused:
        check_accept(with_header("accept", "nonsense"), JSON)
    assert refused.value.status == 400


def test_kinds_of_bodies() -> None:
    check_content_type(Request("PUT", "/"), ())
    check_content_type(with_header("content-type", "application/JSON; charset=utf-8"), (JSON,))
    for request in (Request("PUT", "/"), with_header("content-type", "text/plain")):
        with pytest.raises(Refusal) as refused:
            check_content_type(request, (JSON, "multipart/form-data"))
        assert refused.value.status == 415


def test_the_media_type_and_its_parameters() -> None:
    request = with_header("content-type", 'Multipart/form-data; Boundary="a b"; x')
    assert media_type(request) == ("multipart/form-data", {"boundary": "a b", "x": ""})
    assert media_type(Request("GET", "/")) == ("", {})


OTHER = "https://other.example"


def settings(*origins: str, max_age_s: int | None = 1800) -> Settings:
    pairs = tuple(("", origin) for origin in origins)
    return Settings(cors_origins=pairs, cors_max_age_s=max_age_s)


@pytest.mark.parametrize(
    ("origins", "origin"),
    [((), OTHER), (("https://third.example",), OTHER), (("*",), "null")],
)
def test_pages_that_are_not_allowed(origins: tuple[str, ...], origin: str) -> None:
    assert cors_headers(settings(*origins), with_header("origin", origin), "GET") == []
    assert cors_headers(settings(*origins), Request("GET", "/"), "GET") == []


@pytest.mark.parametrize("allowed", [OTHER, "*"])
def test_pages_that_are_allowed(allowed: str) -> None:
    headers = cors_headers(settings(allowed), with_header("origin", OTHER), "GET")
    assert dict(headers) == {
        "access-control-allow-origin": OTHER,
        "access-control-allow-credentials": "true",
    }


def test_a_browser_asks_before_it_sends() -> None:
    request = with_header("origin", OTHER, "OPTIONS")
    request.headers["access-control-request-headers"] = "authorization"
    headers = dict(cors_headers(settings("*"), request, "GET, PUT"))
    assert headers["access-control-allow-methods"] == "GET, PUT"
    assert headers["access-control-allow-headers"] == "authorization"
    assert headers["access-control-max-age"] == "1800"
    del request.headers["access-control-request-headers"]
    headers = dict(cors_headers(settings("*", max_age_s=None), request, "GET"))
    assert "access-control-max-age" not in headers
    assert "access-control-allow-headers" not in headers


def test_headers_for_safety() -> None:
    made = Settings(csp="default-src 'self'", hsts="max-age=5")
    assert dict(security_headers(made)) == {
        "content-security-policy": "default-src 'self'",
        "strict-transport-security": "max-age=5",
    }
    assert security_headers(Settings(csp="", hsts="")) == []
