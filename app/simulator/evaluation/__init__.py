"""`offhook eval`: calls written down as scenarios, played against a server, and judged."""
