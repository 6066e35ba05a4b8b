"""A reproducible report and experiment suite for deployed dialogue summarisers."""

import os

# The token belongs to the endpoint: libraries do not send it to the Hub of their own accord.
os.environ.setdefault("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")

__version__ = "0.1.0"
