"""The suite on one machine: its processes, the servers they need, and what starts and ends them."""
