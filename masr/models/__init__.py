"""Modules only: encoders, front ends, quantizers, pooling, heads."""
