"""Networks that turn an aligned picture of a face into numbers, each behind the same few calls."""
