"""Small mathematics that knows nothing of speech."""
