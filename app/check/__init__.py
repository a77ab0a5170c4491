"""`offhook check`: whether a call would go well, and if not, what to do about it."""
