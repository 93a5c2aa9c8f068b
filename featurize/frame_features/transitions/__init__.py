"""What changes between a sampled frame and the one right after it."""
