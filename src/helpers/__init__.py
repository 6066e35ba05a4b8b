"""A reproducible report and experiment suite for deployed dialogue summarisers."""

import os

# The token belongs to the endpoint: libraries do not send it to the Hub by default.
os.environ.setdefault("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
# Threads that wait for work spin for a moment, then sleep. As long as they spin by default they take the cores from
# whatever else runs, and it takes theirs: two models on two cores fell to a small share of one. torch and CTranslate2
# read the first (rounds, GNU's OpenMP) or the second (milliseconds, Intel's), only before they are imported. On two
# cores of a Xeon, CTranslate2 keeps 13 % of its fair share beside a busy neighbour with 10,000 rounds, and 51 % with
# 1,500, which cost it 2 % of its speed alone; 1,000 cost it an eighth.
os.environ.setdefault("GOMP_SPINCOUNT", "1500")
os.environ.setdefault("KMP_BLOCKTIME", "1")

__version__ = "0.1.0"
