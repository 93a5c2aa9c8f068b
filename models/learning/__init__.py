"""What is fitted, and how: all of it inside the training part of a fold."""
