"""Rules and building blocks shared by several worlds."""
