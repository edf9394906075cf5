"""The pygame window for playing, watching and editing levels. Never imported by code that runs without a screen."""
