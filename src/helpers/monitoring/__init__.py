"""Alert rules over a log: columns, windows, states, and what leaves for other systems."""
