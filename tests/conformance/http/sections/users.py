"""Users: passwords and hashes, tags, limits, deleting many, who has no permissions."""

from __future__ import annotations

from tests.conformance.http.cases import Section, Step, at, delete, get, head, post, put
from tests.conformance.http.sections.exchanges import BROKEN, WRONG

NEW = at("users", "hw-new")
HASH = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"  # of "test12"
AS_NEW = "hw-new:test12"
BODIES: tuple[object, ...] = (
    {"password": "x", "tags": ""},
    {"password": "x", "tags": "management"},
    {"password": "x", "tags": "management,monitoring"},
    {"password": "x", "tags": " management , policymaker ,,"},
    {"password": "x", "tags": ["management", "monitoring"]},
    {"password": "x", "tags": []},
    {"password": "x", "tags": "something,else"},
    {"password": "x", "tags": ["a b", "c,d"]},
    {"password": "x", "tags": "größe"},
    {"password": "x"},
    {"tags": ""},
    {"tags": "administrator"},
    {},
    {"password": "", "tags": ""},
    {"password": "", "tags": "management"},
    {"password": "größe", "tags": ""},
    {"password_hash": "", "tags": ""},
    {"password_hash": HASH, "tags": ""},
    {"password_hash": HASH, "tags": "", "hashing_algorithm": "rabbit_password_hashing_sha256"},
    {"password_hash": HASH, "tags": "", "hashing_algorithm": "rabbit_password_hashing_sha512"},
    {"password_hash": HASH, "tags": "", "hashing_algorithm": "rabbit_password_hashing_md5"},
    {"password": "x", "tags": "", "hashing_algorithm": "rabbit_password_hashing_sha512"},
    {"password_hash": "not base64!", "tags": ""},
    {"password_hash": "aGVsbG8=", "tags": ""},
    {"password_hash": 1, "tags": ""},
    {"password": "x", "password_hash": HASH, "tags": ""},
    {"password": "x", "administrator": True},
    {"password": "x", "administrator": "true"},
    {"password": "x", "administrator": False, "tags": "monitoring"},
    {"password": "x", "administrator": "nonsense"},
    {"password": "x", "tags": "", "nonsense": 1, "name": "other"},
    {"password": "x", "tags": "", "limits": {"max-connections": 5}},
    {"password": "x", "tags": "", "limits": {"max-nonsense": 5}},
    {"password": "x", "tags": "", "limits": {"max-connections": "5"}},
    {
        "password": "x",
        "tags": "",
        "permissions": {"hw-users": {"configure": "c", "write": "w", "read": "r"}},
    },
)
ALGORITHMS = ("rabbit_password_hashing_nonsense", "nonsense", "", 1, None)


def _users() -> list[Step]:
    steps: list[Step] = [get(NEW), head(NEW), delete(NEW)]
    for body in BODIES:
        steps += [put(NEW, body), get(NEW), delete(NEW)]
    steps += [
        put(NEW, {"password": "test12", "tags": "management"}),
        get("/whoami", user=AS_NEW),
        put(NEW, {"tags": "monitoring"}),
        get(NEW),
        get("/whoami", user=AS_NEW),
        put(NEW, {"password_hash": HASH, "tags": "monitoring"}),
        get("/whoami", user=AS_NEW),
        get("/whoami", user="hw-new:wrong"),
        get("/whoami", user="hw-new:"),
        put(NEW, {"password_hash": "", "tags": "monitoring"}),
        get("/whoami", user="hw-new:"),
        get("/whoami", user=AS_NEW),
        put(NEW, {"password": "test12", "tags": ""}),
        get("/whoami", user=AS_NEW),
        put(NEW, {"password": "test12", "tags": "nonsense"}),
        get("/whoami", user=AS_NEW),
        put(NEW, {"password": "größe", "tags": "management,policymaker,own"}),
        get("/whoami", user="hw-new:größe"),
        put(NEW, {"password": "a:b:c", "tags": ["administrator"]}),
        get("/whoami", user="hw-new:a:b:c"),
        get(at("users", "hw-new", "permissions")),
        get(at("users", "hw-new", "topic-permissions")),
        get("/users/without-permissions"),
        put(at("permissions", "hw-users", "hw-new"), {"configure": "", "write": "", "read": ""}),
        get("/users/without-permissions"),
        get("/users/without-permissions?columns=name"),
        get("/users"),
        get("/users?columns=name,tags&sort=name&sort_reverse=true"),
        get("/users?columns=name,tags&sort=tags"),
        get("/users?sort=nonsense&columns=name,tags"),
        delete(NEW),
        get(at("users", "hw-new", "permissions")),
        get(at("users", "hw-new", "topic-permissions")),
        *(put(NEW, text) for text in BROKEN),
        delete(NEW),
        # many at once
        *(
            put(at("users", f"hw-many-{number}"), {"password": "x", "tags": ""})
            for number in range(3)
        ),
        post("/users/bulk-delete", {"users": ["hw-many-0", "hw-nobody"]}),
        get(at("users", "hw-many-0")),
        get(at("users", "hw-many-1")),
        post("/users/bulk-delete", {"users": ["hw-many-1", "hw-many-2"]}),
        get(at("users", "hw-many-1")),
        get(at("users", "hw-many-2")),
        post("/users/bulk-delete", {"users": []}),
        post("/users/bulk-delete", {}),
        *(
            post("/users/bulk-delete", {"users": value})
            for value in (None, 1, "x", {}, [1], [None])
        ),
        *(post("/users/bulk-delete", text) for text in BROKEN),
        get("/users/bulk-delete"),
        put("/users/bulk-delete", {"password": "x", "tags": ""}),
        delete("/users/bulk-delete"),
        # oneself
        put(at("users", "hw-self"), {"password": "secret", "tags": "administrator"}),
        delete(at("users", "hw-self"), user="hw-self"),
        get("/whoami", user="hw-self"),
    ]
    return steps


def _limits() -> list[Step]:
    path = at("user-limits", "hw-management")
    steps: list[Step] = [get(path), get("/user-limits", user="hw-monitoring")]
    for limit in ("max-connections", "max-channels", "nonsense"):
        steps += [
            *(put(path + at(limit), {"value": value}) for value in (5, 0, -1, -2, 2**40, *WRONG)),
            *(put(path + at(limit), text) for text in ("", "{", "[]", {}, {"value": "5"}, "null")),
            get(path),
        ]
    steps += [
        put(path + at("max-connections"), {"value": 7}),
        get(path),
        get("/user-limits"),
        get(path, user="hw-management"),
        get("/user-limits", user="hw-management"),
        get("/user-limits", user="hw-monitoring"),
        get(at("users", "hw-management")),
        delete(path + at("max-connections")),
        delete(path + at("max-connections")),
        delete(path + at("nonsense")),
        get(path),
        delete(path + at("max-channels")),
        get(path),
        get(at("user-limits", "hw-missing")),
        put(at("user-limits", "hw-missing", "max-channels"), {"value": 1}),
        delete(at("user-limits", "hw-missing", "max-channels")),
    ]
    return steps


def _wrong() -> list[Step]:
    steps: list[Step] = []
    for field in ("password", "tags", "password_hash", "administrator", "limits"):
        for value in WRONG:
            body = {"tags": "", field: value}
            steps += [put(NEW, body), get(NEW), delete(NEW)]
    for algorithm in ALGORITHMS:
        body = {"password_hash": HASH, "tags": "", "hashing_algorithm": algorithm}
        steps += [put(NEW, body), get(NEW), delete(NEW)]
    return steps


def sections() -> list[Section]:
    return [
        Section("users", _users()),
        Section("user-limits", _limits()),
        Section("users-wrong", _wrong(), is_alone=True),
    ]
