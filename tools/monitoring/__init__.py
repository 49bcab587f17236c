"""What Prometheus and Grafana are given: rules and dashboards, how they are made and checked."""
