"""Where heads of the audit log are kept outside of the database."""
