"""Probes: simple classifiers that read labels from frozen vectors and frames."""
