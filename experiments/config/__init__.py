"""From YAML to one frozen config, and its error messages. Knows no facts about a machine."""
