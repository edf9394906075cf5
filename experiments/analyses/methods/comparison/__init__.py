"""The comparison of training methods: its controls, its predictions, its page, and the parts that other pages on methods share."""
