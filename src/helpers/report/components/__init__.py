"""What pages are made of: figures that name their result, tables, drawings, the skeleton."""
