"""What every package may use and what uses no other package: errors, environment, paths, terminal, text, machine."""
