"""Names and payloads are text, whatever they look like."""

from __future__ import annotations

from urllib.parse import quote

import pika

from tests.browser.conftest import Site
from tests.browser.person import Person

HOSTILE = '<img src=x onerror="window.attacked=1"><b>bold</b> \' %2F ? # & é 兎'


def test_hostile_names_are_shown_as_they_are(person: Person, site: Site) -> None:
    escaped = quote(HOSTILE, safe="")
    site.asks("PUT", f"exchanges/%2F/{escaped}", {"type": "topic"})
    site.asks("PUT", f"queues/%2F/{escaped}", {"arguments": {}})
    site.asks("POST", f"bindings/%2F/e/{escaped}/q/{escaped}", {"routing_key": HOSTILE})
    site.asks("PUT", f"vhosts/{escaped}", {"description": HOSTILE})
    site.asks("PUT", f"users/{escaped}", {"password": "x", "tags": HOSTILE.replace(",", "")})
    site.asks("PUT", f"permissions/{escaped}/guest", {"configure": "", "write": "", "read": ""})
    try:
        with site.channel(connection_name=HOSTILE, product=HOSTILE) as channel:
            channel.basic_publish(
                HOSTILE,
                HOSTILE,
                HOSTILE.encode(),
                pika.BasicProperties(headers={HOSTILE: HOSTILE}, message_id=HOSTILE[:100]),
            )
            person.logs_in()
            for address in ("queues", "exchanges", "vhosts", "users", "connections"):
                person.goes_to(f"#/{address}")
                person.sees(HOSTILE)
            for address in (f"queues/%2F/{escaped}", f"exchanges/%2F/{escaped}"):
                person.goes_to(f"#/{address}", HOSTILE)
                person.sees(HOSTILE, within="Bindings")
            person.goes_to(f"#/vhosts/{escaped}", HOSTILE)
            person.sees(HOSTILE, within="Details")
            person.goes_to(f"#/queues/%2F/{escaped}", HOSTILE)
            person.unfolds("Browse and search messages")
            person.sees(HOSTILE, within="Browse and search messages")
            person.presses("Headers (1)", within="Browse and search messages")
            person.sees(f"{HOSTILE}: {HOSTILE}", within="Browse and search messages")
            person.unfolds("Get messages")
            person.presses("Get messages", within="Get messages")
            person.sees("Got 1 message.", within="Get messages")
            person.takes_a_picture("hostile")
        made = "return document.querySelectorAll('main b b, img[onerror], main img').length"
        assert person.runs(made) == 0
        assert person.runs("return window.attacked") is None
    finally:
        site.asks("DELETE", f"vhosts/{escaped}")
        site.asks("DELETE", f"users/{escaped}")
