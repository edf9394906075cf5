"""An agent on levels gives tables: episodes, trajectories, attribution, goal sweep, diagnosis. Makes no pages."""
