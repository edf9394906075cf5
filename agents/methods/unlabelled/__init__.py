"""Methods that see shifted inputs without labels: diverse heads, of which a label chooses one."""
