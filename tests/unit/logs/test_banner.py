"""What a node says of itself first."""

from __future__ import annotations

from broker.logs.banner import Facts, banner

FACTS = Facts("rabbit@h", "/root", ["/etc/a.conf", "/etc/b.conf"], "c2Vj", ["/l", "<stderr>"], "/d")


def test_the_banner_is_like_rabbitmqs() -> None:
    assert banner(FACTS) == [
        "",
        " node           : rabbit@h",
        " home dir       : /root",
        " config file(s) : /etc/a.conf",
        "                : /etc/b.conf",
        " cookie hash    : c2Vj",
        " log(s)         : /l",
        "                : <stderr>",
        " database dir   : /d",
    ]


def test_what_there_is_not() -> None:
    lines = banner(FACTS._replace(config_files=[], logs=[], data_dir=""))
    assert lines[3] == " config file(s) : (none)"
    assert lines[5:] == [" log(s)         : (none)", " database dir   : (none)"]
