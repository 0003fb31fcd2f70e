"""The loop and what it stands on; none of it knows which objective runs."""
