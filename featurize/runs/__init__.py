"""A run over many videos: what is done in which process, what is kept, and what is told."""
