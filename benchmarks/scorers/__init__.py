"""One module per family of truth tables: TABLES maps a file name to its scorer."""
