"""The order of passes: what a command needs, from the text or from a study folder, and the loop over stages."""
