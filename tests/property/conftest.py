"""How much hypothesis tries. The same examples every time, so that a red build stays red.

LEVERET_EXAMPLES=2000 tries that many new ones per test instead, for a search by night.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_EXPLORE = os.environ.get("LEVERET_EXAMPLES")

settings.register_profile(
    "leveret",
    deadline=None,  # this machine may be busy
    database=None,
    derandomize=_EXPLORE is None,
    max_examples=int(_EXPLORE or 100),
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("leveret")


def examples(usual: int) -> settings:
    """Settings for a test that is dearer or cheaper than most; a search by night ignores them."""
    return settings(max_examples=int(_EXPLORE or usual))
