"""Which frames are hidden: lengths, keys and perhaps confidences become a boolean mask."""
