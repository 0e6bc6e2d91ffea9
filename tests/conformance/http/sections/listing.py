"""Lists: pages, filters, sorting, columns, on the routes that have them."""

from __future__ import annotations

from tests.conformance.http.cases import Case, Section, at, get, put

VHOST = "hw-listing"
PAGES = (
    *("page=1", "page=2", "page=1&page_size=2", "page=2&page_size=2", "page=4&page_size=2"),
    *("page=5&page_size=2", "page=100", "page=0", "page=-1", "page=x", "page=", "page=1.5"),
    *("page=1&page_size=0", "page=1&page_size=-1", "page=1&page_size=500", "page=1&page_size=501"),
    *("page=1&page_size=x", "page=1&page_size=", "page_size=2", "page_size=x", "name=a", "page=+1"),
    *("page=1&name=a", "page=1&name=A", "page=1&name=", "page=1&name=nothing", "page=1&name=.a"),
    *("page=1&name=%5Eb&use_regex=true", "page=1&name=%5Eb&use_regex=false", "page=1&name=%5Eb"),
    *("page=1&name=(&use_regex=true", "page=1&name=(&use_regex=false", "page=1&use_regex=true"),
    *(
        "page=1&name=[&use_regex=true",
        "page=1&name=*&use_regex=true",
        "page=1&name=B$&use_regex=true",
    ),
    *("page=1&name=a|b&use_regex=true", "page=1&name=b&page_size=1", "page=2&name=b&page_size=1"),
    *(
        "page=3&name=b&page_size=1",
        "page=1&page_size=2&sort=name&sort_reverse=true",
        "page=1&page=2",
    ),
    *("page=1&name=%C3%B6", "page=1&name=b&use_regex=nonsense", "page=1&page_size=1&columns=name"),
    "page=1&page_size=3&pagination=true&sort=durable&columns=name,durable",
    "page=1&name=b&use_regex=true&columns=name&sort=name&sort_reverse=true",
)
SORTS = (
    *("sort=name", "sort=name&sort_reverse=true", "sort=name&sort_reverse=false", "sort=durable"),
    *(
        "sort=nonsense",
        "sort=",
        "sort=arguments.x-max-length",
        "sort=arguments.x-max-length&sort_reverse=true",
    ),
    *("sort=arguments", "sort=type", "sort=vhost", "sort_reverse=true", "sort=name&sort_reverse=x"),
    *(
        "sort=name,durable",
        "sort=.",
        "sort=name.x",
        "sort=durable&sort_reverse=true",
        "sort=auto_delete",
    ),
)
COLUMNS = (
    *(
        "columns=name",
        "columns=name,durable",
        "columns=",
        "columns=nonsense",
        "columns=,",
        "columns=.",
    ),
    *("columns=arguments", "columns=arguments.x-max-length", "columns=name.x", "columns=name,name"),
    *(
        "columns=name,arguments.nothing",
        "columns=arguments.x-max-length,arguments.x-message-ttl,name",
    ),
    *("columns=arguments,arguments.x-max-length", "columns=%20name", "columns=Name"),
)
# Whose answers tell how many others there are.
OF_EVERYBODY = {f"/{kind}?page=1000" for kind in ("vhosts", "queues", "exchanges")}
QUEUES: dict[str, dict[str, object]] = {
    "a": {"durable": True},
    "A": {"durable": False},
    "b1": {"arguments": {"x-max-length": 3}},
    "b2": {"arguments": {"x-max-length": 1, "x-message-ttl": 9}},
    "b10": {"auto_delete": True},
    "aB": {},
    "größe": {},
}


def sections() -> list[Section]:
    steps: list[Case] = []
    for name, body in QUEUES.items():
        steps.append(put(at("queues", VHOST, name), body))
        exchange = {**body, "type": "topic" if len(name) > 1 else "direct"}
        steps.append(put(at("exchanges", VHOST, name), exchange))
    for kind in ("queues", "exchanges"):
        path = at(kind, VHOST)
        # without statistics, which are another one each time
        basic = "&columns=name,vhost,durable,auto_delete,arguments,type"
        for query in PAGES:
            more = "" if "columns" in query else basic
            steps.append(get(f"{path}?{query}{more}"))
        steps += [
            get(
                f"{path}?{query}&columns=name,durable,arguments,type,auto_delete",
                is_unordered=query == "sort=",
            )
            for query in SORTS
        ]
        steps += [
            get(f"{path}?{query}") for query in COLUMNS if query not in ("columns=", "columns=,")
        ]
        steps += [get(f"{path}?disable_stats=true&{query}") for query in COLUMNS]
        steps += [
            get(f"{path}?page=1&page_size=2", keep="shape"),
            get(f"{path}?page=1&page_size=2&disable_stats=true"),
            get(f"{path}?page=1&name=b&use_regex=true&disable_stats=true"),
            get(f"{path}?page=9&disable_stats=true"),
            get(f"{path}?disable_stats=false&columns=name"),
            get(f"{path}?disable_stats=1&columns=name"),
            get(f"{path}?disable_stats=true&enable_queue_totals=true&columns=name,messages"),
            get(f"{path}?page=1&disable_stats=true&enable_queue_totals=true&page_size=1"),
            get(f"/{kind}?columns=name,vhost", user="hw-management"),
            get(f"/{kind}?columns=name,vhost", user="hw-outsider"),
            get(f"/{kind}?page=1&page_size=3&columns=name,vhost", user="hw-limited"),
            get(f"{path}?msg_rates_age=60&msg_rates_incr=0&columns=name"),
            get(f"{path}?msg_rates_age=600&msg_rates_incr=1&columns=name"),
            get(f"{path}?lengths_age=-1&lengths_incr=1&columns=name"),
            get(f"{path}?lengths_age=x&lengths_incr=1&columns=name"),
            get(f"{path}?lengths_age=60&columns=name"),
        ]
    bad = (
        "page=0",
        "page=x",
        "page=1&page_size=501",
        "page=1000",
        "page=1&name=zzz",
        "page=1&name=%5E(&use_regex=true",
    )
    for path in (
        *("/connections", "/channels", "/bindings", "/consumers", "/vhosts", "/users", "/nodes"),
        *("/permissions", "/policies", "/parameters", "/operator-policies", "/vhost-limits"),
        *("/user-limits", "/overview", "/whoami", "/definitions", "/global-parameters"),
        *("/topic-permissions", "/feature-flags", "/extensions", "/health/checks/alarms"),
    ):
        steps += [get(f"{path}?{query}", keep="status") for query in bad]
    steps = [step for step in steps if step.path not in OF_EVERYBODY]
    for path in ("/permissions", "/policies", "/bindings", "/parameters", "/topic-permissions"):
        steps += [get(f"{path}?columns=nonsense&page=1", keep="status")]
    return [Section("listing", list(steps))]
