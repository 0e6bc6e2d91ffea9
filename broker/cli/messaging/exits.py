"""Exit codes of the messaging commands, and the one exception that ends them.

The codes are those of sysexits.h, as RabbitMQ's tools use them.
"""

from __future__ import annotations

EX_OK = 0
EX_USAGE = 64
EX_DATAERR = 65  # input that is wrong, or what is asked of the broker does not fit it
EX_UNAVAILABLE = 69  # no broker, or no longer
EX_SOFTWARE = 70
EX_CANTCREAT = 73
EX_TEMPFAIL = 75  # the same may succeed later
EX_PROTOCOL = 76  # what answers is no AMQP broker
EX_NOPERM = 77
EX_INTERRUPTED = 130  # ended by a signal with work left over

_BY_REPLY_CODE = {
    311: EX_DATAERR,
    320: EX_UNAVAILABLE,
    402: EX_DATAERR,
    403: EX_NOPERM,
    404: EX_DATAERR,
    405: EX_DATAERR,
    406: EX_DATAERR,
    503: EX_DATAERR,  # no such type of exchange
    506: EX_TEMPFAIL,
    530: EX_NOPERM,
}


class Failure(Exception):  # noqa: N818 - of a command, told in one line
    """Ends the command. The text is for the user; code: what the process exits with.

    is_lost: the connection went, or never was; trying again may help.
    """

    def __init__(self, text: str, code: int = EX_UNAVAILABLE, *, is_lost: bool = False):
        super().__init__(text)
        self.code = code
        self.is_lost = is_lost


def usage(text: str) -> Failure:
    """Something on the command line is wrong."""
    return Failure(text, EX_USAGE)


def closed_by_broker(what: str, reply_code: int, reply_text: str) -> Failure:
    """The broker closed the connection or the channel and said why. what: which of them."""
    shown = reply_text.encode("utf-8", "replace").decode()
    code = _BY_REPLY_CODE.get(reply_code, EX_SOFTWARE)
    if reply_code == 530 and shown.endswith("not found"):
        code = EX_DATAERR  # there is no such vhost
    return Failure(
        f"the broker closed the {what}: {reply_code} {shown}",
        code,
        is_lost=reply_code == 320,
    )
