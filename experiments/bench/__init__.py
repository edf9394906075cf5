"""What `goalposts bench` measures: speed and memory on this machine."""
