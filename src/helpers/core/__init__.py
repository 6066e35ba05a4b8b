"""What uses no other package: errors, environment, paths, terminal, text, machine, and the base of values."""
