"""Breaks masr from outside, again and again, and looks whether anything that was said to be saved is lost."""
