"""What each page measures, one module each, as versioned and typed JSON: seconds, scores and rates from 0 to 1."""
