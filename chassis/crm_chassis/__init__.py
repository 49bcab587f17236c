"""Everything technical that the services of the suite share: it knows no noun of a CRM."""
