"""Every route with every method: HEAD, OPTIONS, what is not allowed, what is not there."""

from __future__ import annotations

from tests.conformance.http.cases import Act, Case, Section, Step, get, head, options, post, put
from tests.conformance.http.routes import (
    BODIES,
    EVERY_METHOD,
    ROUTES,
    TOUCHES_OTHERS,
    missing_in,
    names_in,
)
from tests.conformance.http.sections.access import VHOST, prepare
from tests.conformance.http.stage import Stage


def sections() -> list[Section]:
    vhost = "hw-methods"
    names, missing = names_in(vhost), missing_in(vhost)
    steps: list[Step] = [
        Case(step.method, step.path.replace(VHOST, vhost), step.body)
        for step in prepare()
        if isinstance(step, Case)
    ]
    steps.append(Act(lambda stage: _open_in(stage, vhost)))
    for route in ROUTES:
        path = route.path(names)
        steps.append(options(path, user=""))
        steps += [
            Case(method, path, {}, keep="status")
            for method in EVERY_METHOD
            if method not in route.methods
        ]
        if "HEAD" in route.methods:
            steps.append(head(path, keep="status"))
    for route in ROUTES:
        if ":" not in route.template:
            continue
        path = route.path(missing)
        for method in route.methods:
            if method in ("HEAD", "OPTIONS") or (method, route.template) in TOUCHES_OTHERS:
                continue
            if "hw-missing" not in path and "missing%40" not in path:
                continue
            creates = {"/vhosts/:other", "/users/:victim", "/global-parameters/:global"}
            if method == "PUT" and route.template in creates:
                continue
            steps.append(Case(method, path, BODIES.get((method, route.template), {})))
    steps += _headers()
    return [Section("methods", steps)]


def _open_in(stage: Stage, vhost: str) -> None:
    stage.connect("walker", "hw-management")
    stage.channel("walker")
    stage.wait("/channels", lambda found: any(c["vhost"] == vhost for c in found))
    stage.wait("/connections", lambda found: any(c.get("vhost") == vhost for c in found))


def _headers() -> list[Step]:
    """Of requests, and what comes of them."""
    whoami = "/whoami"
    origin = ("Origin", "http://elsewhere.example")
    return [
        get("/nothing"),
        get("/nothing", user=""),
        get("/whoami/"),
        get("//api/", keep="status"),
        get("//api", keep="status"),
        get("//cli", keep="status"),
        get("//cli/", keep="status"),
        get("//cli/index.html", keep="status"),
        get("//doc/stats.html", keep="status"),
        get("//stats", keep="status"),
        get("//mgmt", keep="status"),
        get("//api/index.html", keep="status"),
        get("//nothing", keep="status"),
        get("//nothing", user="", keep="status"),
        get("//js/../js/nothing", keep="status"),
        get("//%2e%2e/%2e%2e/etc/passwd", keep="status"),
        post("/nothing", {}),
        put("/nothing", {}),
        Case("DELETE", "/nothing"),
        options("/nothing"),
        Case("BREW", whoami),
        *(
            get(whoami, headers=(("Accept", accept),))
            for accept in (
                *("application/json", "*/*", "application/*", "text/html", "text/plain"),
                *("application/xml, application/json;q=0.5", "application/json;q=0"),
                *("application/json; charset=utf-8", "nonsense", ""),
            )
        ),
        get(whoami, headers=(("Accept-Encoding", "identity"),)),
        get(whoami, headers=(("Accept-Language", "de"),)),
        get(whoami, headers=(origin,)),
        options(whoami, headers=(origin,)),
        options(
            whoami,
            headers=(
                origin,
                ("Access-Control-Request-Method", "GET"),
                ("Access-Control-Request-Headers", "authorization"),
            ),
        ),
        *(
            get(whoami, user="", headers=(("Authorization", value),))
            for value in (
                *("Basic", "Basic ", "Basic !!!!", "Basic Z3Vlc3Q=", "Basic Z3Vlc3Q6Z3Vlc3Q="),
                *("basic Z3Vlc3Q6Z3Vlc3Q=", "BASIC Z3Vlc3Q6Z3Vlc3Q=", "Basic  Z3Vlc3Q6Z3Vlc3Q="),
                *("Bearer token", "Digest username=guest", "nonsense", "Basic Z3Vlc3Q6"),
                *("Basic OmV2ZXJ5dGhpbmc=", "Basic Og==", "Basic Z3Vlc3Q6Z3Vlc3Q6"),
            )
        ),
        get("/vhosts", headers=(("X-Vhost", "hw-methods"),), keep="items"),
        get("/queues", headers=(("X-Vhost", "hw-methods"),), keep="items"),
        get("/queues", headers=(("X-Vhost", "hw-missing"),), keep="items"),
        get("/queues", headers=(("X-Vhost", ""),), keep="items"),
        get("/exchanges", headers=(("X-Vhost", "hw-methods"),), keep="items"),
        get("/whoami?", keep="all"),
        get("/whoami?columns=name"),
        get("/whoami?columns=tags"),
        get("/whoami?columns=nothing"),
        get("/whoami?columns="),
        get("/whoami?x=%"),
        get("/whoami?x=%zz"),
        get("/queues/%zz"),
        get("/queues/%"),
        get("/queues/%ff"),
        get("/queues/%ff/%fe"),
        get("/queues/%00"),
        Case("POST", "/whoami", "x" * 100),
        Case("GET", "/whoami", '{"a": 1}'),
        Case("HEAD", "/whoami", user=""),
        Case("HEAD", "/nothing"),
    ]
