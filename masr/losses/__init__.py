"""Tensors become a loss and its figures."""
