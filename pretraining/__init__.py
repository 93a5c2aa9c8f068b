"""How the files with what was learnt, which the package carries, are made; not installed."""
