"""Files that an export copies as they are: they import nothing of masr, so that they run in another project."""
