"""A reproducible report and experiment suite for deployed dialogue summarisers."""

import os

from helpers.core.machine import spins

# The token belongs to the endpoint: libraries do not send it to the Hub by default.
os.environ.setdefault("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
# Threads that wait for work spin for a moment, then sleep. As long as they spin by default they take the cores from
# whatever else runs, and it takes theirs: two models on two cores fell to a small share of one. torch and CTranslate2
# read the first (rounds, GNU's OpenMP) or the second (milliseconds, Intel's), only before they are imported.
os.environ.setdefault("GOMP_SPINCOUNT", spins().torch)
os.environ.setdefault("KMP_BLOCKTIME", "1")

__version__ = "0.1.0"
