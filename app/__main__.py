"""`python -m app` is `offhook`."""

from app.cli import main

main()
