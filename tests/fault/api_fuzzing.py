"""Requests that schemathesis makes of the OpenAPI document, good and bad ones, sent to a broker.

What stands in paths is mostly taken from `POOLS`, so that requests have to do with each other: one
declares what the next deletes. What would lock everybody out, or end the well-behaved client beside
it, is left out (`is_kept_back`). Everything follows from a seed.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import hypothesis
import requests
import schemathesis.openapi
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode

from tests.support.schemas import Schemas

TIMEOUT_S = 10.0  # no answer within this is a hang
VHOST, USER, PASSWORD = "fuzz", "fuzzer", "fuzzer"
CLIENT_USER = "guest"  # whose connections are left alone, and his vhost
CLIENT_VHOST = "/"
POOLED = 0.9  # share of the parts of paths that are from a pool
STREAMED = {"/livelog"}  # without an end
POOLS: dict[str, list[str]] = {
    "vhost": [VHOST] * 8 + ["other", "none such", CLIENT_VHOST],
    "queue": ["q0", "q1", "q2", "q3", "none such", "ü/ %&?#"],
    "exchange": ["amq.default", "amq.topic", "amq.fanout", "x0", "x1", "none such"],
    "source": ["amq.default", "amq.topic", "amq.headers", "x0", "none such"],
    "destination": ["q0", "q1", "x0", "none such"],
    "dtype": ["q", "e"],
    "props": ["~", "k", "none such"],
    "user": ["u0", "u1", "none such"],
    "username": ["u0", "none such"],
    "component": ["policy", "operator_policy", "vhost-limits", "none such"],
    "name": ["p0", "limits", "max-connections", "max-queues", "max-channels", "none such"],
}
# Beside what is described of each: the path may have become another one, or none; it, or a header,
# may be longer than the listener takes.
ALWAYS = {404, 405, 414, 431}
EXPECTED_5XX = {503}  # a health check that is not passed


@dataclass
class Tally:
    """What came of a run."""

    cases: int = 0
    kept_back: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    routes: set[str] = field(default_factory=set)
    problems: dict[str, str] = field(default_factory=dict)  # what → one request that shows it
    slowest_s: float = 0.0
    slowest: str = ""

    def __str__(self) -> str:
        statuses = ", ".join(f"{status}: {n}" for status, n in sorted(self.statuses.items()))
        return (
            f"{self.cases} requests to {len(self.routes)} routes, {self.kept_back} kept back;"
            f" {statuses}; the slowest took {self.slowest_s:.2f} s: {self.slowest}"
        )


class Fuzz:
    """One run against one broker."""

    def __init__(self, port: int, seed: int):
        self._port = port
        self._base = f"http://127.0.0.1:{port}/api"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = (USER, PASSWORD)
        self._rng = random.Random(seed)
        self._seed = seed
        self.tally = Tally()
        self.document = self._get("/openapi.json")
        # the well-behaved client's: to be looked at
        self._kept = {one["name"] for one in self._get("/connections")}
        self._pools = POOLS | {
            "node": [self._get("/overview")["node"]],
            "connection": [*self._kept, "none such"],
            "channel": [one["name"] for one in self._get("/channels")],
        }
        self._schemas = Schemas(self.document["components"]["schemas"], is_closed=False)

    def _get(self, path: str) -> Any:
        return self._session.get(f"{self._base}{path}", timeout=TIMEOUT_S).json()

    def close(self) -> None:
        self._session.close()

    def operations(self) -> Iterator[Any]:
        """In a random order: what one has made the others may find."""
        schema = schemathesis.openapi.from_dict(self.document)
        found = [result.ok() for result in schema.get_all_operations()]
        self._rng.shuffle(found)
        for operation in found:
            if operation.path not in STREAMED:
                yield operation

    def run(self, rounds: int, per_round: int, is_over: Callable[[], bool] = lambda: False) -> None:
        """All operations, so many times, each time so many good and as many bad requests; of what
        changes something three times as many."""
        operations = list(self.operations())
        for number in range(rounds):
            prepare(self._port)
            for operation in operations:
                count = per_round * (1 if operation.method == "get" else 3)
                for mode in GenerationMode:
                    self._run(operation, mode, count, self._seed + number)
                    if is_over():
                        return

    def _run(self, operation: Any, mode: GenerationMode, count: int, seed: int) -> None:
        @hypothesis.seed(seed)
        @settings(
            max_examples=count,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(generation_mode=mode))
        def send(case: Case) -> None:
            self.send(case, mode)

        # nothing bad can be made of an operation without anything to fill in
        with contextlib.suppress(hypothesis.errors.Unsatisfiable):
            send()

    def send(self, case: Case, mode: GenerationMode) -> None:
        self._steer(case)
        if is_kept_back(case, self._kept):
            self.tally.kept_back += 1
            return
        tally = self.tally
        try:
            arguments = case.as_transport_kwargs(base_url=self._base)
            arguments["headers"].pop("Authorization", None)
            response = self._session.request(**arguments, timeout=TIMEOUT_S, allow_redirects=False)
        except requests.Timeout:
            self._problem(case, "no answer", repr(case.body)[:500])
            return
        except (requests.exceptions.InvalidHeader, UnicodeError):
            return  # it could not be sent
        tally.cases += 1
        tally.statuses[response.status_code] += 1
        tally.routes.add(f"{case.operation.method.upper()} {case.operation.path}")
        elapsed_s = response.elapsed.total_seconds()
        if elapsed_s > tally.slowest_s:
            tally.slowest_s, tally.slowest = elapsed_s, _shown(response)
        self._check(case, mode, response)

    def _steer(self, case: Case) -> None:
        for name in case.path_parameters or {}:
            if name in self._pools and self._rng.random() < POOLED:
                case.path_parameters[name] = self._rng.choice(self._pools[name])

    def _check(self, case: Case, mode: GenerationMode, response: requests.Response) -> None:
        status = response.status_code
        if status >= 500 and status not in EXPECTED_5XX:
            self._problem(case, f"status {status}", _shown(response))
            return
        responses = case.operation.definition.raw["responses"]
        if str(status) not in responses and status not in ALWAYS:
            self._problem(case, f"status {status} is not described", _shown(response))
        if response.headers.get("content-type") != "application/json" or not response.content:
            return
        try:
            found = response.json()
        except ValueError:
            self._problem(case, f"status {status}: no JSON", _shown(response))
            return
        self._check_shape(case, status, responses, found, response)

    def _check_shape(
        self, case: Case, status: int, responses: Any, found: Any, response: requests.Response
    ) -> None:
        described = responses.get(str(status), {})
        if "$ref" in described:
            name = described["$ref"].rpartition("/")[2]
            described = self.document["components"]["responses"][name]
        schema = described.get("content", {}).get("application/json", {}).get("schema")
        if schema is None or "columns" in (case.query or {}):
            return
        sent = urlsplit(str(response.request.url)).path.rstrip("/")
        if sent.count("/") < case.operation.path.count("/") + 1:
            return  # an empty name, or a dot, at the end of a path: it is another route's
        try:
            self._schemas.check(schema, found)
        except AssertionError as error:
            self._problem(case, f"status {status}: {str(error)[:300]}", _shown(response))

    def _problem(self, case: Case, what: str, shown: str) -> None:
        key = f"{case.operation.method.upper()} {case.operation.path}: {what}"
        self.tally.problems.setdefault(key, shown)


def is_kept_back(case: Case, kept: set[str]) -> bool:
    """Whether a request would take away what the run stands on. kept: names of connections."""
    if case.operation.method.upper() == "GET":
        return False
    names = {unquote(str(value)) for value in (case.path_parameters or {}).values()}
    if names & (kept | {CLIENT_VHOST, CLIENT_USER, USER}):
        return True
    if case.operation.method == "delete" and case.operation.path == "/vhosts/{vhost}":
        return VHOST in names
    query = {str(value) for value in (case.query or {}).values()}
    return bool(query & {CLIENT_VHOST})


def _shown(response: requests.Response) -> str:
    request = response.request
    body = request.body if isinstance(request.body, (bytes, str)) else b""
    return (
        f"{request.method} {request.url} {body[:300]!r} → {response.status_code}"
        f" {response.content[:300]!r} in {response.elapsed.total_seconds():.2f} s"
    )


def prepare(port: int) -> None:
    """What the requests are about: a vhost, a user, and some of each thing in it; also again, in
    place of what requests have taken away."""
    with requests.Session() as session:
        session.trust_env = False
        session.auth = (CLIENT_USER, CLIENT_USER)
        session.headers["content-type"] = "application/json"

        def put(path: str, body: object, method: str = "PUT") -> None:
            answer = session.request(
                method, f"http://127.0.0.1:{port}/api{path}", data=json.dumps(body), timeout=10
            )
            # what is there may have become something else
            assert answer.status_code < 300 or answer.status_code == 400, answer.text

        put(f"/users/{USER}", {"password": PASSWORD, "tags": "administrator"})
        put("/users/u0", {"password": "u0", "tags": "management"})
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        for vhost in (VHOST, "other"):
            put(f"/vhosts/{vhost}", {})
            put(f"/permissions/{vhost}/{USER}", everything)
        for queue in ("q0", "q1"):
            put(f"/queues/{VHOST}/{queue}", {"durable": True})
        put(f"/exchanges/{VHOST}/x0", {"type": "topic"})
        put(f"/bindings/{VHOST}/e/x0/q/q0", {"routing_key": "k"}, "POST")
        put(f"/policies/{VHOST}/p0", {"pattern": "q", "definition": {"max-length": 100}})
