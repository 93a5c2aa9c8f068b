"""MediaPipe's 478 points: its networks, where they look, what the points are called."""
