"""What an agent does and what explains it: its name from the probes, and devices that see."""
