"""The embedded corpora: eSpeak NG voices in the real corpora's own layouts."""
