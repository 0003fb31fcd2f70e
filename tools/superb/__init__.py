"""SUPERB's tasks on data directories: heads, training and scores are s3prl's, the encoder is an export of ours."""
