"""A data directory as batches: what is read, in which order, how it is put together."""
