"""Text becomes units: characters or sentencepiece."""
