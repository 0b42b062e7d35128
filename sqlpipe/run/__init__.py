"""Plans carried out: workers, publishing, ingestion."""
