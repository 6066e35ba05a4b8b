"""What each page measures, one module each, as versioned and typed JSON."""
