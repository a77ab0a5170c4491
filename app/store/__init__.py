"""PostgreSQL: the tables, one batching writer, the reads, and the embedded server."""
