"""How much one stranger, one caller or one user may have of the server."""
