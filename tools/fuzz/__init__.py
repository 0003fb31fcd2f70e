"""What is read from disk, read damaged: `make fuzz` asks every reader of masr with broken inputs, and counts what may
not happen. A reader takes an input or refuses it with a class of masr/errors.py; everything else is a find."""
