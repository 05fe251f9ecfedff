"""What the service does, one file a use case: rules from the domain, records through ports."""
