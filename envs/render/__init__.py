"""A scene drawn as an image or as text: pure functions, no state, no random numbers."""
