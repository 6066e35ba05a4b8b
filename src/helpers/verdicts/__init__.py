"""What follows from results, computed when rendering and never stored as the only copy."""
