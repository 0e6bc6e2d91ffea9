"""The power fails, at every single operation of a node's disk: what was promised is kept.

LEVERET_SEED=7 plays another story, LEVERET_OPERATIONS=2000 a longer one.
"""

from __future__ import annotations
