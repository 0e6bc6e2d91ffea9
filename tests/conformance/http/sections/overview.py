"""Overview, nodes, cluster name, extensions, feature flags, login, and the like."""

from __future__ import annotations

from tests.conformance.http.cases import Act, Section, Settled, Step, at, delete, get, post, put
from tests.conformance.http.sections.exchanges import BROKEN, WRONG
from tests.conformance.http.sections.statistics import load

RANGES = (
    *("lengths_age=60&lengths_incr=5", "msg_rates_age=60&msg_rates_incr=5"),
    *("data_rates_age=60&data_rates_incr=5", "node_stats_age=60&node_stats_incr=5"),
    *("lengths_age=60&lengths_incr=0", "msg_rates_age=-1&msg_rates_incr=1", "lengths_age=x"),
    *("node_stats_age=100000&node_stats_incr=1", "lengths_age=600&lengths_incr=1"),
)
FORM = (("Content-Type", "application/x-www-form-urlencoded"),)


def _shared() -> list[Step]:
    return [
        Act(load),
        Settled(
            (
                get("/overview", keep="shape"),
                get("/overview", user="hw-management", keep="shape"),
                get("/overview", user="hw-monitoring", keep="shape"),
                get("/overview", user="hw-policymaker", keep="shape"),
                *(get(f"/overview?{query}", keep="shape") for query in RANGES),
            )
        ),
        get("/overview?columns=rates_mode,sample_retention_policies,exchange_types,disable_stats"),
        get("/overview?columns=object_totals.queues", keep="shape"),
        get("/overview?disable_stats=true", keep="shape"),
        get("/overview?enable_queue_totals=true&columns=enable_queue_totals,disable_stats"),
        get("/nodes", keep="shape"),
        get("/nodes", user="hw-monitoring", keep="shape"),
        get("/nodes?columns=name,type,running,partitions,rates_mode,mem_alarm,disk_free_alarm"),
        get("/nodes?disable_stats=true", keep="shape"),
        *(get(f"/nodes?{query}", keep="shape") for query in RANGES),
        get("/nodes/<node>", keep="shape"),
        get("/nodes/<node>?memory=true&binary=true", keep="shape"),
        get("/nodes/<node>?memory=true", keep="shape"),
        get("/nodes/<node>?columns=exchange_types,auth_mechanisms,metrics_gc_queue_length"),
        get("/nodes/<node>?disable_stats=true", keep="shape"),
        *(get(f"/nodes/<node>?{query}", keep="shape") for query in RANGES),
        get("/nodes/<node>/memory", keep="shape"),
        get("/nodes/<node>/memory/relative", keep="shape"),
        get("/nodes/<node>/memory/ets", keep="shape"),
        get("/nodes/<node>/memory/ets/relative", keep="shape"),
        get("/nodes/<node>/memory/ets/management", keep="shape"),
        get("/nodes/<node>/memory/ets/management/relative", keep="shape"),
        get("/nodes/<node>/memory/ets/nonsense", keep="shape"),
        get("/nodes/missing@localhost"),
        get("/nodes/missing"),
        get("/nodes/missing@localhost/memory"),
        get("/nodes/missing@localhost/memory/relative"),
        get("/nodes/missing@localhost/memory/ets"),
        get("/cluster-name", keep="shape"),
        get("/cluster-name", user="hw-management", keep="shape"),
        put("/cluster-name", {"name": "x"}, user="hw-monitoring"),
        put("/cluster-name", {}),
        *(put("/cluster-name", text) for text in BROKEN),
        get("/extensions"),
        get("/extensions", user="hw-management"),
        get("/feature-flags"),
        get("/feature-flags?columns=name,state"),
        get("/feature-flags", user="hw-monitoring"),
        put(at("feature-flags", "quorum_queue", "enable"), {}),
        put(at("feature-flags", "quorum_queue", "enable")),
        put(at("feature-flags", "quorum_queue", "enable"), "{"),
        put(at("feature-flags", "nonsense", "enable"), {}),
        put(at("feature-flags", "quorum_queue", "enable"), {}, user="hw-monitoring"),
        get("/whoami", user="hw-management"),
        get("/whoami", user="hw-both"),
        get("/whoami", user="hw-administrator"),
        get("/auth"),
        get("/auth", user=""),
        get("/auth", user="hw-none"),
        post("/login", "username=guest&password=guest", user="", headers=FORM),
        post("/login", "username=guest&password=wrong", user="", headers=FORM),
        post("/login", "username=hw-none&password=secret", user="", headers=FORM),
        post("/login", "username=hw-management&password=secret", user="", headers=FORM),
        post("/login", "username=hw%2Dmanagement&password=s%65cret&x=y", user="", headers=FORM),
        post("/login", "username=guest", user="", headers=FORM),
        post("/login", "password=guest", user="", headers=FORM),
        post("/login", "", user="", headers=FORM),
        post("/login", {"username": "guest", "password": "guest"}, user=""),
        post("/login", "username=guest&password=guest", user=""),
        post("/login", user="guest"),
        post("/rebalance/queues", {}, user="hw-monitoring"),
        delete("/reset", user="hw-monitoring"),
        delete("/reset/missing@localhost", user="hw-monitoring"),
        get("/auth/attempts/<node>", keep="shape"),
        get("/auth/attempts/<node>/source", keep="shape"),
        get("/auth/attempts/missing@localhost"),
        get("/auth/attempts/<node>", user="hw-management"),
    ]


def _alone() -> list[Step]:
    return [
        get("/overview?columns=object_totals", keep="shape"),
        put("/cluster-name", {"name": "hw-cluster"}),
        get("/cluster-name"),
        put("/cluster-name", {"name": "hw cluster ö", "nonsense": 1}),
        get("/cluster-name"),
        put("/cluster-name", {"name": ""}),
        get("/cluster-name"),
        *(put("/cluster-name", {"name": value}) for value in WRONG),
        put("/cluster-name", {"name": "hw-after"}),
        get("/cluster-name"),
        get(at("global-parameters", "cluster_name")),
        post("/rebalance/queues", {}),
        post("/rebalance/queues"),
        post("/rebalance/queues", "{"),
        delete("/auth/attempts/<node>"),
        delete("/auth/attempts/<node>/source"),
        delete("/auth/attempts/missing@localhost"),
        delete("/reset/<node>"),
        delete("/reset/missing@localhost"),
        delete("/reset"),
        get("/overview", keep="status"),
        get("/queues", keep="items"),
    ]


def sections() -> list[Section]:
    return [Section("overview", _shared()), Section("overview-alone", _alone(), is_alone=True)]
