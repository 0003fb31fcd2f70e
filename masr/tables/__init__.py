"""The grid of a paper's table: one YAML file becomes tasks, the tasks become scores, the scores become the table."""
