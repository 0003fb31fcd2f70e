"""Waveforms become frames, equal to Kaldi's."""
