"""The published claims re-computed, one module for each subject; page 07 puts them together."""
