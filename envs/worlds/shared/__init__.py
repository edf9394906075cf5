"""Rules and pieces that several worlds share."""
