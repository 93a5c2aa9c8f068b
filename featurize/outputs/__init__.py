"""What a run leaves behind: a table, what its columns mean, how it was made; and tables joined."""
