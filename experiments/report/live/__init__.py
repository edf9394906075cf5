"""The live page: its template, styles, and the scripts that play levels in a browser. Knows no world and no agent."""
