"""Key performance indicators: how the business goes, day by day, down to the events."""
