"""Everything technical that the services share; it knows no noun of a CRM."""
