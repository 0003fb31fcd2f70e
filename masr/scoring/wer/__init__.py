"""Speech recognition: texts become word and character error rates with intervals."""
