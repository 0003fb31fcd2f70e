"""Files become figures with confidence intervals; nothing here opens a model."""
