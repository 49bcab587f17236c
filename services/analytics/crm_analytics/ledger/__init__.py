"""The ledger: proof that nothing was lost between a promise and the journal."""
