"""One file per training objective; the loop does not know which one it runs."""
