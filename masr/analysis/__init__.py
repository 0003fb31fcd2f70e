"""What a representation holds: frames and vectors on disk become figures; nothing here opens a model."""
