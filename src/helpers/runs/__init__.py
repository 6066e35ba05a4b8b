"""A run on the disk: who is asked, what was logged, what produced it, and the results of its pages."""
