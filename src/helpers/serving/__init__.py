"""A model behind HTTP: the local server, and the managed endpoint."""
