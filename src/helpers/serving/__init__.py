"""A model behind HTTP: the local server, the managed endpoint, a packaged repository."""
