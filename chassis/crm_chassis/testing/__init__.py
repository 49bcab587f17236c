"""What tests and the local stack share: real servers to run against, and what waits for them."""
