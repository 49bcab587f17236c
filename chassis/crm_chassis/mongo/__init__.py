"""The database below the resources: the connection, schema, and rows that are no resources."""
