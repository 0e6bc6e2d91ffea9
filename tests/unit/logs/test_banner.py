"""What a node says of itself first."""

from __future__ import annotations

from broker.logs.banner import Facts, banner

RUNTIME = "Leveret 1.0 on CPython 3.11"
FILES = ["/etc/a.conf", "/etc/b.conf"]
FACTS = Facts(RUNTIME, "rabbit@h", "/root", FILES, ["/l", "<stderr>"], "/d")


def test_the_banner_is_like_rabbitmqs() -> None:
    assert banner(FACTS) == [
        "",
        " Starting Leveret 1.0 on CPython 3.11",
        "",
        " node           : rabbit@h",
        " home dir       : /root",
        " config file(s) : /etc/a.conf",
        "                : /etc/b.conf",
        " log(s)         : /l",
        "                : <stderr>",
        " database dir   : /d",
    ]


def test_what_there_is_not() -> None:
    lines = banner(FACTS._replace(home="", config_files=[], logs=[], data_dir=""))
    assert lines[4:6] == [" home dir       : (none)", " config file(s) : (none)"]
    assert lines[6:] == [" log(s)         : (none)", " database dir   : (none)"]
