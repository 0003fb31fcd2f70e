"""Bounds on the mutual information of frames with labels, or with another view of the same speech."""
