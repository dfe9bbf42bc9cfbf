"""Storage: tables, the only SQL of the service, its migrations, and the archive derived from it."""
