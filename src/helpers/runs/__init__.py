"""A run on the disk: what it sends requests to, what was logged, what produced it, and the results of its pages."""
