"""Trained models in the formats of other projects; docs/interop.md says what is equal and what is lost."""
