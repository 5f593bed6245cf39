"""What whoever runs the service relies on: metrics, rules, copies, settings, the wheel."""
