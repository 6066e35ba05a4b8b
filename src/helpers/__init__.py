"""A reproducible report and experiment suite for deployed dialogue summarisers."""

import os

# The token belongs to the endpoint: libraries do not send it to the Hub by default.
os.environ.setdefault("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
# Threads that wait for work spin for a moment, then sleep. As long as they spin by default they take the cores from
# whatever else runs, and it takes theirs: two models on two cores fell to a small share of one. torch reads the first
# (rounds, GNU's OpenMP), CTranslate2 the second (milliseconds, Intel's), both only before they are imported. To sleep
# at once would cost an engine of many small steps a seventh of its speed.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
os.environ.setdefault("KMP_BLOCKTIME", "1")

__version__ = "0.1.0"
