"""The live worker on a real Kafka and a real PostgreSQL."""
