"""Small models, batches and runs that several tests share."""
