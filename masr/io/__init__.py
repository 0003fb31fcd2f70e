"""Files in, files out: data directories, archives, audio, the names of everything on disk."""
