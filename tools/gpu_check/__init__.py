"""What ten minutes of one GPU have to tell: is every objective right on it, how fast is it, and does it learn."""
