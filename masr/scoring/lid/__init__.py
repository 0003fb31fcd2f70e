"""Language identification: answers become figures with intervals."""
