"""ABX: which of two recordings, or of two phones, a third is closer to."""
