"""The pygame window: playing, watching and editing levels. Imported by nothing that runs without a screen."""
