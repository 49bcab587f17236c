"""Images of the suite, and the suite in a Kubernetes cluster: `make images`, `make deploy`."""
