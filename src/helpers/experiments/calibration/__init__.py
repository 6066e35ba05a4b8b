"""How often verdicts are wrong and how often they decide, simulated with the code that judges a report."""
