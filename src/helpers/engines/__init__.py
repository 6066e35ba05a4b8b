"""Models that compute on this machine."""
