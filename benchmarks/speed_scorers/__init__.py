"""One module per family of tables of tokens/s: TABLES maps a file name to a reader that yields runs and skips."""
