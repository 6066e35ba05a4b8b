"""Every engine on BART-large, and servers under load, beside the machine's own limit."""
