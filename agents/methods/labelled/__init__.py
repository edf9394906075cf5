"""Methods that learn from k labelled levels: cloning, DAgger, fine-tuning; from a trained agent or from an untrained net."""
