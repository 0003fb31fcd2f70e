"""One self-contained page of plots for each experiment; nothing here opens a model or the network."""
