"""One file per corpus: raw files on disk become data directories."""
