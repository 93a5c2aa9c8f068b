"""A network that sees where a face was blended in, trained on authentic video alone."""
