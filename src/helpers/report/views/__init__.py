"""What each page shows: results to sentences, tables and charts; nothing here measures or computes a statistic."""
