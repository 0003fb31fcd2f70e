"""A trained encoder at work: a checkpoint and data become files."""
