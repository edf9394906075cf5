"""Methods without labels: dropout, early stopping, a voting ensemble. Weight decay, entropy, width and separate nets are config keys."""
