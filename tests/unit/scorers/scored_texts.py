"""Texts to score: the bundled corpus with its references, and a dialogue full of names and numbers."""

from helpers.samples.dataset import CORPUS
from helpers.samples.readers import read_rows

ROWS = [row.cells for path in sorted(CORPUS.glob("*.jsonl")) for row in read_rows(path)]
REFERENCES = [(row, reference) for row in ROWS for reference in row["summaries"]]

DIALOGUE = """\
Alexandra: Did you book the table for half past three?
Tomás: For a couple of people, yes. It's 25 each, so fifty together.
Alexandra: My brother Milo can't come before 4. Take the 21st, and the Spanish place.
Tomás: ok, I ask pgbot to move it, it's on db-3"""
